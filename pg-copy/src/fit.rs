//! How each table is best copied between these two servers: COPY's format, and whether its rows
//! can be frozen as they come.

use std::collections::{BTreeMap, BTreeSet};

use pg_session::ledger::Format;
use pg_session::{Error, Relation, RelationName, ServerVersion, Session, catalog};

use crate::args::FormatChoice;

/// Below this a TRUNCATE costs more than the VACUUM that frozen rows save, in bytes.
const WORTH_FREEZING: i64 = 1 << 20;

/// What is known of both servers.
pub(crate) struct Fit {
    source: ServerVersion,
    target: ServerVersion,
    choice: FormatChoice,
    /// The target's tables, with the types of their columns by name.
    there: BTreeMap<RelationName, BTreeMap<String, String>>,
    freezable: BTreeSet<RelationName>,
}

impl Fit {
    /// Looks at the target.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn read(
        source: ServerVersion,
        target: &mut Session,
        choice: FormatChoice,
    ) -> Result<Self, Error> {
        let types = |relation: Relation| {
            let columns = relation.columns.into_iter();
            let types = columns
                .map(|column| (column.name, column.data_type))
                .collect();
            (relation.name, types)
        };
        Ok(Self {
            source,
            target: target.version(),
            choice,
            there: catalog::list_relations(target, &[])?
                .into_iter()
                .map(types)
                .collect(),
            freezable: catalog::list_freezable(target)?,
        })
    }

    /// The format for a relation: text where a type is not known to be safe, or is another one
    /// on the target.
    pub(crate) fn format(&self, relation: &Relation) -> Format {
        let there = self.there.get(&relation.name);
        let fits = relation.columns.iter().all(|column| {
            let same = there.and_then(|columns| columns.get(&column.name));
            same == Some(&column.data_type)
                && column.binary.is_safe_between(self.source, self.target)
        });
        // Binary rows without columns would be all headers.
        let fits = fits && !relation.columns.is_empty();
        match (self.choice, fits) {
            (FormatChoice::Auto | FormatChoice::Binary, true) => Format::Binary,
            _ => Format::Text,
        }
    }

    /// Whether a relation is emptied first, so that its rows can be frozen.
    pub(crate) fn is_frozen(&self, relation: &Relation) -> bool {
        relation.bytes >= WORTH_FREEZING && self.freezable.contains(&relation.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use pg_session::relation::Binary;

    fn relation(binary: Binary, bytes: i64) -> Relation {
        let mut relation = sample::relation(&["a"]);
        relation.bytes = bytes;
        for column in &mut relation.columns {
            column.binary = binary;
        }
        relation
    }

    fn fit(majors: (u32, u32), data_type: &str) -> Fit {
        let name = RelationName::new("s", "t");
        let columns = BTreeMap::from([("a".to_owned(), data_type.to_owned())]);
        Fit {
            source: ServerVersion::of_major(majors.0),
            target: ServerVersion::of_major(majors.1),
            choice: FormatChoice::Auto,
            there: BTreeMap::from([(name.clone(), columns)]),
            freezable: BTreeSet::from([name]),
        }
    }

    #[test]
    fn what_is_not_safe_or_not_the_same_type_goes_as_text() {
        let of = |majors, data_type, binary| fit(majors, data_type).format(&relation(binary, 0));
        assert_eq!(of((15, 18), "integer", Binary::Safe), Format::Binary);
        assert_eq!(of((15, 18), "bigint", Binary::Safe), Format::Text);
        assert_eq!(of((15, 18), "integer", Binary::Unsafe), Format::Text);
        assert_eq!(of((15, 18), "integer", Binary::Interval), Format::Binary);
        assert_eq!(of((17, 18), "integer", Binary::Interval), Format::Binary);
        assert_eq!(of((17, 16), "integer", Binary::Interval), Format::Text);
    }

    #[test]
    fn large_tables_are_frozen_where_the_target_lets_us() {
        let mut fit = fit((15, 18), "integer");
        assert!(fit.is_frozen(&relation(Binary::Safe, WORTH_FREEZING)));
        assert!(!fit.is_frozen(&relation(Binary::Safe, WORTH_FREEZING - 1)));
        fit.freezable.clear();
        assert!(!fit.is_frozen(&relation(Binary::Safe, WORTH_FREEZING)));
    }
}
