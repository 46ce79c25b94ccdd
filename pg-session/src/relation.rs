//! Names and facts of relations that hold rows.

use std::fmt;

use crate::quote;
use crate::version::ServerVersion;

/// Schema and name of a relation. Shown as people write it; [`RelationName::sql`] for SQL.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RelationName {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
}

impl RelationName {
    /// A relation's name.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// The qualified, quoted name.
    pub fn sql(&self) -> String {
        quote::qualified(&self.schema, &self.name)
    }
}

impl fmt::Display for RelationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&quote::shown_qualified(&self.schema, &self.name))
    }
}

/// How a column's value becomes bytes that are equal exactly when the values are.
///
/// The bytes of `record_send` hold type OIDs, which differ between servers for
/// everything that is not built in; and `-NaN` and `NaN` are one value with two encodings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Canonical {
    /// The value as it is.
    Raw,
    /// The value cast to the built-in base type of its domain.
    Base(String),
    /// `real` or `double precision`, with one encoding for NaN.
    Float(String),
    /// The bytes of an array of a built-in type, in the base type of its domain, without the flag
    /// that it has NULLs, which stays when the last NULL is replaced, and with one encoding for NaN.
    Array(String),
    /// The value cast to text: only for built-in types with one spelling.
    Text,
    /// The text that the type's own output function makes. Not a cast: casts of other types
    /// than the built-in ones can be anybody's functions, and need not tell values apart.
    Output {
        /// The function, qualified and quoted.
        function: String,
        /// Base type of a domain.
        base: Option<String>,
    },
    /// The bytes of the type's own send function, for extension types, and for composite types and
    /// ranges of floats.
    Send {
        /// The function, qualified and quoted.
        function: String,
        /// Base type of a domain.
        base: Option<String>,
    },
}

/// Whether a column's values mean the same on another server in COPY's binary format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Binary {
    /// On every server from 10 on.
    Safe,
    /// An interval: from 17 on some bytes mean infinity that were a long time before.
    Interval,
    /// Not, or not known to.
    Unsafe,
}

impl Binary {
    /// Whether it may be used between two servers.
    pub fn is_safe_between(self, source: ServerVersion, target: ServerVersion) -> bool {
        let knows_infinity = ServerVersion::has_infinite_intervals;
        match self {
            Self::Safe => true,
            Self::Interval => knows_infinity(target) || !knows_infinity(source),
            Self::Unsafe => false,
        }
    }
}

/// A column that is copied and compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ColumnFacts {
    /// Name of the column.
    pub name: String,
    /// Type as `format_type` prints it.
    pub data_type: String,
    /// How it is compared.
    pub canonical: Canonical,
    /// Whether it can be copied in binary.
    pub binary: Binary,
}

/// A relation that holds rows of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// OID on its server.
    pub oid: u32,
    /// Name.
    pub name: RelationName,
    /// Columns without generated ones, in the order of the table.
    pub columns: Vec<ColumnFacts>,
    /// Columns of the primary key, or of a unique key without NULLs.
    pub key: Vec<String>,
    /// Bytes on disk, TOAST included, indexes not.
    pub bytes: i64,
    /// Estimated rows, if ever analyzed.
    pub rows_estimate: Option<i64>,
    /// UNLOGGED.
    pub unlogged: bool,
    /// The partitioned or inheritance parent.
    pub parent: Option<RelationName>,
    /// WHERE condition of an extension's configuration table.
    pub condition: Option<String>,
    /// `pg_relation_filenode`.
    pub filenode: Option<i64>,
}

impl Relation {
    /// The columns as a quoted list, in the order of the table.
    pub fn column_list(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|c| c.name.clone()).collect();
        quote::list(&names)
    }
}
