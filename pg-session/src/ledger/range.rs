//! The rows of a chunk.

use crate::error::{Class, Error};
use crate::quote;

/// Which rows of a table a chunk has. Ranges go from their lower bound up to, and without, their
/// upper one; a bound that is absent is open.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Range {
    /// All.
    #[default]
    Whole,
    /// All, of a leaf partition whose rows are sent through a partitioned table above it.
    ThroughRoot,
    /// Those in some of its blocks.
    Blocks {
        /// The first block.
        lower: Option<i64>,
        /// The block after the last.
        upper: Option<i64>,
    },
    /// Those with some values of a column. NULL comes before all values.
    Key {
        /// Name of the column.
        column: String,
        /// The first value, as text.
        lower: Option<String>,
        /// The value after the last, as text.
        upper: Option<String>,
    },
}

impl Range {
    /// The condition for these rows, right on the server that the bounds are from; `None` for
    /// all.
    pub fn condition(&self) -> Option<String> {
        match self {
            Self::Whole | Self::ThroughRoot => None,
            Self::Blocks { lower, upper } => both(
                lower.map(|block| format!("ctid >= '({block},0)'::tid")),
                upper.map(|block| format!("ctid < '({block},0)'::tid")),
            ),
            Self::Key {
                column,
                lower,
                upper,
            } => {
                let column = quote::identifier(column);
                let bound =
                    |text: &String, is: &str| format!("{column} {is} {}", quote::literal(text));
                let lower = lower.as_ref().map(|text| bound(text, ">="));
                let upper = upper.as_ref().map(|text| bound(text, "<"));
                match (lower, upper) {
                    (None, Some(upper)) => Some(format!("({upper} or {column} is null)")),
                    (lower, upper) => both(lower, upper),
                }
            }
        }
    }

    /// How the table is cut, as the ledger calls it.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::Whole => "table",
            Self::ThroughRoot => "root",
            Self::Blocks { .. } => "ctid",
            Self::Key { .. } => "key",
        }
    }

    /// The column whose values the bounds are.
    pub(super) fn column(&self) -> Option<&str> {
        match self {
            Self::Key { column, .. } => Some(column),
            Self::Whole | Self::ThroughRoot | Self::Blocks { .. } => None,
        }
    }

    /// Lower and upper bound as the ledger has them.
    pub(super) fn bounds(&self) -> (Option<String>, Option<String>) {
        let text = |block: &Option<i64>| block.map(|block| block.to_string());
        match self {
            Self::Whole | Self::ThroughRoot => (None, None),
            Self::Blocks { lower, upper } => (text(lower), text(upper)),
            Self::Key { lower, upper, .. } => (lower.clone(), upper.clone()),
        }
    }

    /// What the ledger has, read again.
    pub(super) fn read(
        method: &str,
        column: Option<String>,
        lower: Option<String>,
        upper: Option<String>,
    ) -> Result<Self, Error> {
        match (method, column) {
            ("table", None) => Ok(Self::Whole),
            ("root", None) => Ok(Self::ThroughRoot),
            ("ctid", None) => Ok(Self::Blocks {
                lower: block(lower)?,
                upper: block(upper)?,
            }),
            ("key", Some(column)) => Ok(Self::Key {
                column,
                lower,
                upper,
            }),
            _ => Err(garbled()),
        }
    }
}

fn both(lower: Option<String>, upper: Option<String>) -> Option<String> {
    let both: Vec<String> = lower.into_iter().chain(upper).collect();
    (!both.is_empty()).then(|| both.join(" and "))
}

fn block(text: Option<String>) -> Result<Option<i64>, Error> {
    text.map(|text| text.parse().ok().ok_or_else(garbled))
        .transpose()
}

fn garbled() -> Error {
    Error::new(Class::Ledger, "the ledger has a range that cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(lower: Option<&str>, upper: Option<&str>) -> Range {
        Range::Key {
            column: "a\"b".to_owned(),
            lower: lower.map(str::to_owned),
            upper: upper.map(str::to_owned),
        }
    }

    #[test]
    fn a_condition_is_open_where_its_range_is() {
        let of = |lower, upper| Range::Blocks { lower, upper }.condition();
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some(7), None).as_deref(), Some("ctid >= '(7,0)'::tid"));
        assert_eq!(
            of(Some(0), Some(7)).as_deref(),
            Some("ctid >= '(0,0)'::tid and ctid < '(7,0)'::tid")
        );
        assert_eq!(Range::Whole.condition(), None);
        assert_eq!(Range::ThroughRoot.condition(), None);
    }

    #[test]
    fn nulls_are_in_the_first_range_of_a_key_and_no_other() {
        let of = |lower, upper| key(lower, upper).condition();
        assert_eq!(of(None, None), None);
        assert_eq!(
            of(None, Some("it's")).as_deref(),
            Some("(\"a\"\"b\" < 'it''s' or \"a\"\"b\" is null)")
        );
        assert_eq!(
            of(Some("-1"), Some("7")).as_deref(),
            Some("\"a\"\"b\" >= '-1' and \"a\"\"b\" < '7'")
        );
        assert_eq!(of(Some("7"), None).as_deref(), Some("\"a\"\"b\" >= '7'"));
    }

    #[test]
    fn what_is_written_to_the_ledger_is_read_again() {
        let blocks = |lower, upper| Range::Blocks { lower, upper };
        for range in [
            Range::Whole,
            Range::ThroughRoot,
            blocks(None, Some(3)),
            blocks(Some(3), None),
            key(None, Some("")),
            key(Some("null"), Some("\\")),
        ] {
            let (lower, upper) = range.bounds();
            let column = range.column().map(str::to_owned);
            let read = Range::read(range.method(), column, lower, upper).unwrap();
            assert_eq!(read, range);
        }
        let text = || Some("1".to_owned());
        assert!(Range::read("key", None, text(), None).is_err());
        assert!(Range::read("ctid", None, Some("x".to_owned()), None).is_err());
        assert!(Range::read("other", None, None, None).is_err());
    }
}
