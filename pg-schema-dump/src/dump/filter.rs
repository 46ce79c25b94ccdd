//! Which part of a database is dumped: pg_dump's own flags, given on to it. Tables, sequences
//! and large objects follow what its archive has.

use std::collections::BTreeSet;

use pg_pipe::record::Object;
use pg_session::pattern::{self, Pattern};
use pg_session::{Error, Relation, RelationName, Session};

const EXTENSIONS: &str = include_str!("sql/extension_list.sql");

/// Flags that choose objects by patterns.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Filter {
    /// Dump the schemas that match only (repeatable)
    #[arg(
        short = 'n',
        long,
        value_name = "PATTERN",
        help_heading = "What is dumped"
    )]
    schema: Vec<String>,

    /// Do not dump the schemas that match (repeatable)
    #[arg(
        short = 'N',
        long,
        value_name = "PATTERN",
        help_heading = "What is dumped"
    )]
    exclude_schema: Vec<String>,

    /// Dump the tables, views and sequences that match only (repeatable)
    #[arg(
        short = 't',
        long,
        value_name = "PATTERN",
        help_heading = "What is dumped"
    )]
    table: Vec<String>,

    /// Do not dump the tables, views and sequences that match (repeatable)
    #[arg(
        short = 'T',
        long,
        value_name = "PATTERN",
        help_heading = "What is dumped"
    )]
    exclude_table: Vec<String>,

    /// Dump the extensions that match (repeatable); with --schema or --table there are none else
    #[arg(
        short = 'e',
        long,
        value_name = "PATTERN",
        help_heading = "What is dumped"
    )]
    extension: Vec<String>,

    /// Dump the tables that match without their rows (repeatable)
    #[arg(long, value_name = "PATTERN", help_heading = "What is dumped")]
    exclude_table_data: Vec<String>,
}

impl Filter {
    /// The flags for pg_dump.
    pub(crate) fn flags(&self) -> impl Iterator<Item = String> {
        [
            ("schema", &self.schema),
            ("exclude-schema", &self.exclude_schema),
            ("table", &self.table),
            ("exclude-table", &self.exclude_table),
            ("extension", &self.extension),
        ]
        .into_iter()
        .flat_map(|(flag, patterns)| {
            patterns
                .iter()
                .map(move |pattern| format!("--{flag}={pattern}"))
        })
    }

    /// Whether pg_dump leaves anything out because of them.
    pub(crate) fn is_given(&self) -> bool {
        self.flags().next().is_some()
    }

    /// Whether what belongs to no schema is dumped, too: pg_dump leaves it out where something
    /// is asked for by name.
    pub(crate) fn has_everything(&self) -> bool {
        self.schema.is_empty() && self.table.is_empty() && self.extension.is_empty()
    }
}

/// What holds data and is dumped.
pub(crate) struct Scope {
    tables: BTreeSet<RelationName>,
    sequences: BTreeSet<RelationName>,
    /// Without rows, or of an extension and not wanted.
    excluded: BTreeSet<RelationName>,
}

impl Scope {
    /// Reads it from the objects, and notes the versions of extensions in them.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn read(
        session: &mut Session,
        filter: &Filter,
        objects: &mut [Object],
    ) -> Result<Self, Error> {
        let of_kind = |kind: &str| -> BTreeSet<RelationName> {
            objects
                .iter()
                .filter(|object| object.kind == kind)
                .map(|object| {
                    RelationName::new(object.schema.clone().unwrap_or_default(), &object.name)
                })
                .collect()
        };
        let mut scope = Self {
            tables: of_kind("TABLE"),
            sequences: of_kind("SEQUENCE"),
            excluded: excluded(session, filter)?,
        };
        for row in session.query(EXTENSIONS, &[])? {
            let name: String = row.get("name");
            let dumped = objects
                .iter_mut()
                .find(|object| object.kind == "EXTENSION" && object.name == name);
            let Some(object) = dumped else { continue };
            object.version = row.get("version");
            let schemas: Vec<String> = row.get("schemas");
            let relations: Vec<String> = row.get("relations");
            for (schema, relation) in schemas.into_iter().zip(relations) {
                let name = RelationName::new(schema, relation);
                scope.sequences.insert(name.clone());
                scope.tables.insert(name);
            }
        }
        Ok(scope)
    }

    /// Whether a table's rows are copied.
    pub(crate) fn has_table(&self, relation: &Relation) -> bool {
        self.tables.contains(&relation.name) && !self.excluded.contains(&relation.name)
    }

    /// Whether a sequence is set.
    pub(crate) fn has_sequence(&self, name: &RelationName) -> bool {
        self.sequences.contains(name)
    }
}

/// Tables that patterns leave out: those without rows, and those of extensions, which pg_dump
/// leaves out when it dumps data.
fn excluded(session: &mut Session, filter: &Filter) -> Result<BTreeSet<RelationName>, Error> {
    let tables = filter
        .exclude_table_data
        .iter()
        .chain(&filter.exclude_table);
    let patterns: Vec<Pattern> = tables
        .map(|text| Pattern::of_table(text))
        .chain(
            filter
                .exclude_schema
                .iter()
                .map(|text| Pattern::of_schema(text)),
        )
        .collect();
    pattern::matching(session, patterns)
}
