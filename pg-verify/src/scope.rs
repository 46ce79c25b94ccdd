//! What is compared, by flags: tables by patterns, columns and rows of single tables, and how
//! closely they are looked at.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use pg_pipe::Failure;
use pg_session::pattern::Pattern;
use pg_session::row_filter::names;
use pg_session::{RelationName, RowFilter, Session};

use crate::args::ScopeArgs;

const MATCHES: &str = include_str!("sql/scope_match.sql");

/// How closely tables are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Depth {
    /// Every row.
    #[default]
    Whole,
    /// A share of the pages of large tables, in percent.
    Sample(f64),
    /// Rows are counted.
    Count,
}

/// What the flags ask for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    schemas: Vec<String>,
    tables: Vec<String>,
    without_schemas: Vec<String>,
    without_tables: Vec<String>,
    /// Columns that are compared, of tables where not all are.
    pub(crate) columns: BTreeMap<RelationName, BTreeSet<String>>,
    /// Conditions on rows.
    pub(crate) conditions: BTreeMap<RelationName, String>,
    /// How closely tables are looked at.
    pub(crate) depth: Depth,
    /// Whether both sides are read in a pipeline, too.
    pub(crate) full: bool,
}

impl Scope {
    /// Reads the flags.
    ///
    /// # Errors
    /// A [`Failure`] (exit 2) when one does not parse.
    pub(crate) fn of(args: &ScopeArgs) -> Result<Self, Failure> {
        let mut columns: BTreeMap<RelationName, BTreeSet<String>> = BTreeMap::new();
        for text in &args.columns {
            let list = named("--columns", text)?;
            let names = names(&list.condition).ok_or_else(|| unclear("--columns", text))?;
            columns.entry(list.name).or_default().extend(names);
        }
        let mut conditions = BTreeMap::new();
        for text in &args.conditions {
            let filter = named("--where", text)?;
            if conditions.insert(filter.name, filter.condition).is_some() {
                return Err(Failure::usage(format!(
                    "--where {text}: the table has a condition already"
                ))
                .hint("Join the two with AND or OR."));
            }
        }
        let depth = match args.sample {
            _ if args.quick => Depth::Count,
            Some(share) => Depth::Sample(share.0),
            None => Depth::Whole,
        };
        Ok(Self {
            schemas: args.schema.clone(),
            tables: args.table.clone(),
            without_schemas: args.exclude_schema.clone(),
            without_tables: args.exclude_table.clone(),
            columns,
            conditions,
            depth,
            full: args.full,
        })
    }

    /// Whether tables are chosen by patterns.
    pub(crate) fn is_chosen(&self) -> bool {
        self.patterns().next().is_some()
    }

    /// Whether what pg-copy read of a table says what we want to know.
    pub(crate) fn takes_copied(&self, name: &RelationName) -> bool {
        !self.full && !self.columns.contains_key(name) && !self.conditions.contains_key(name)
    }

    /// What the options are, in one line: results of other options are no results of these.
    pub(crate) fn text(&self) -> String {
        format!("{self:?}")
    }

    /// The patterns as flags of pg-schema-dump.
    pub(crate) fn dump_flags(&self) -> Vec<String> {
        self.patterns()
            .map(|(flag, pattern)| format!("{flag}={pattern}"))
            .collect()
    }

    /// Every pattern, with the flag that it was given by.
    fn patterns(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let flags = [
            ("--schema", &self.schemas),
            ("--table", &self.tables),
            ("--exclude-schema", &self.without_schemas),
            ("--exclude-table", &self.without_tables),
        ];
        flags
            .into_iter()
            .flat_map(|(flag, list)| list.iter().map(move |pattern| (flag, pattern)))
    }

    /// Which of some names are meant. The session must be in a transaction.
    ///
    /// # Errors
    /// What the server says, and a [`Failure`] (exit 2) when a pattern means nothing, or a
    /// condition or list of columns is for a table that is not among them.
    pub(crate) fn choose(
        &self,
        session: &mut Session,
        names: BTreeSet<RelationName>,
    ) -> anyhow::Result<BTreeSet<RelationName>> {
        let chosen = if self.is_chosen() {
            self.matched(session, names)?
        } else {
            names
        };
        let named = self.columns.keys().chain(self.conditions.keys());
        for name in named {
            if !chosen.contains(name) {
                return Err(Failure::usage(format!("table {name} is not compared"))
                    .hint("Look at the names that --columns and --where have: they are exact.")
                    .into());
            }
        }
        Ok(chosen)
    }

    fn matched(
        &self,
        session: &mut Session,
        names: BTreeSet<RelationName>,
    ) -> anyhow::Result<BTreeSet<RelationName>> {
        let flags: Vec<(&str, &String)> = self.patterns().collect();
        let (schemas, tables): (Vec<_>, Vec<_>) = flags
            .iter()
            .map(|(flag, text)| {
                let pattern = if flag.ends_with("schema") {
                    Pattern::of_schema(text)
                } else {
                    Pattern::of_table(text)
                };
                (pattern.schema, pattern.name)
            })
            .unzip();
        let mut found: BTreeMap<&str, BTreeSet<RelationName>> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for (number, name) in matches(session, &names, &schemas, &tables)? {
            if let Some((flag, _)) = flags.get(number) {
                found.entry(*flag).or_default().insert(name);
                used.insert(number);
            }
        }
        let unused = flags
            .iter()
            .enumerate()
            .find(|(number, (flag, _))| !flag.contains("exclude") && !used.contains(number));
        if let Some((_, (flag, pattern))) = unused {
            return Err(nothing(flag, pattern).into());
        }
        let is_in = |flag: &str, name: &RelationName| {
            found.get(flag).is_some_and(|names| names.contains(name))
        };
        Ok(names
            .iter()
            .filter(|name| {
                let wanted = if self.tables.is_empty() {
                    self.schemas.is_empty() || is_in("--schema", name)
                } else {
                    is_in("--table", name)
                };
                wanted && !is_in("--exclude-schema", name) && !is_in("--exclude-table", name)
            })
            .cloned()
            .collect())
    }
}

fn matches(
    session: &mut Session,
    names: &BTreeSet<RelationName>,
    schemas: &[Option<String>],
    tables: &[Option<String>],
) -> anyhow::Result<Vec<(usize, RelationName)>> {
    let (in_schemas, called): (Vec<&str>, Vec<&str>) = names
        .iter()
        .map(|name| (name.schema.as_str(), name.name.as_str()))
        .unzip();
    // As in pg_dump, a name without schema means a table on the user's own search path.
    session.batch("set local search_path to default")?;
    let rows = session
        .query(MATCHES, &[&in_schemas, &called, &schemas, &tables])
        .context("cannot tell which tables are meant")?;
    session.batch("set local search_path to pg_catalog")?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let number = usize::try_from(row.get::<_, i64>("number")).ok()?;
            let name =
                RelationName::new(row.get::<_, String>("schema"), row.get::<_, String>("name"));
            Some((number.checked_sub(1)?, name))
        })
        .collect())
}

fn nothing(flag: &str, pattern: &str) -> Failure {
    Failure::usage(format!("{flag} {pattern} matches nothing on either side")).hint(
        "Patterns are psql's: -t takes table or schema.table, -n a schema, with * and ? as wild cards and quotes for upper case.",
    )
}

/// `schema.table=rest`.
fn named(flag: &str, text: &str) -> Result<RowFilter, Failure> {
    text.parse().map_err(|_why: String| unclear(flag, text))
}

fn unclear(flag: &str, text: &str) -> Failure {
    Failure::usage(format!("{flag} {text} is not understood")).hint(format!(
        "Write it as {flag} 'schema.table={}', with double quotes around names that need them.",
        if flag == "--where" { "id > 10" } else { "a,b" }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_one_condition() {
        let args = |conditions: &[&str]| ScopeArgs {
            conditions: conditions.iter().map(|text| (*text).to_owned()).collect(),
            ..ScopeArgs::default()
        };
        assert!(Scope::of(&args(&["s.t=a > 1", "s.u=b"])).is_ok());
        let twice = Scope::of(&args(&["s.t=a > 1", "s.t=b"])).unwrap_err();
        assert!(twice.to_string().contains("already"), "{twice}");
    }
}
