//! Keys of rows that may differ: those of both sides, with the hashes of their rows.

use std::collections::BTreeMap;

use pg_session::Session;
use pg_session::checksum::{RowHash, bytes_expression, hash_expression, rows};

use super::garbled;
use crate::ranges::key_list;
use crate::reading::TableJob;

/// A key of one side.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Suspect {
    /// Its bytes, in hexadecimal digits: the same for the same key on every server.
    pub(crate) id: String,
    /// Its values as the server prints them.
    pub(crate) key: Vec<String>,
}

/// A key with the hash of its row.
pub(super) struct Hashed {
    pub(super) suspect: Suspect,
    hash: String,
}

/// The expression of a key's bytes as text.
pub(super) fn id(table: &TableJob) -> String {
    format!("encode({}, 'hex')", bytes_expression(&table.key))
}

/// Reads keys and hashes of the rows that a condition holds for.
pub(super) fn read(
    session: &mut Session,
    table: &TableJob,
    condition: &str,
    hash: RowHash,
) -> anyhow::Result<Vec<Hashed>> {
    let sql = format!(
        "select {}, {}, {} from {}",
        id(table),
        hash_expression(&table.relation.columns, hash),
        key_list(table),
        rows(
            &table.relation,
            Some(&format!("{}\n", table.and(condition)))
        ),
    );
    session
        .text_rows(&sql)?
        .into_iter()
        .map(|row| {
            let values: Option<Vec<String>> = row.into_iter().collect();
            let mut values = values.ok_or_else(garbled)?.into_iter();
            let (id, hash) = values.next().zip(values.next()).ok_or_else(garbled)?;
            Ok(Hashed {
                suspect: Suspect {
                    id,
                    key: values.collect(),
                },
                hash,
            })
        })
        .collect()
}

/// Keys that are on one side only, or whose hashes differ.
pub(super) fn differing(source: Vec<Hashed>, target: Vec<Hashed>) -> Vec<Suspect> {
    let mut there: BTreeMap<Suspect, Vec<String>> = BTreeMap::new();
    let mut texts: BTreeMap<String, Suspect> = BTreeMap::new();
    let mut here: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in source {
        texts.insert(row.suspect.id.clone(), row.suspect.clone());
        there.entry(row.suspect).or_default().push(row.hash);
    }
    for row in target {
        let id = row.suspect.id.clone();
        texts.entry(id.clone()).or_insert(row.suspect);
        here.entry(id).or_default().push(row.hash);
    }
    let mut suspects = Vec::new();
    for (suspect, mut hashes) in there {
        let mut others = here.remove(&suspect.id).unwrap_or_default();
        hashes.sort_unstable();
        others.sort_unstable();
        if hashes != others {
            suspects.push(suspect);
        }
    }
    suspects.extend(here.into_keys().filter_map(|id| texts.remove(&id)));
    suspects
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(list: &[(&str, &str)]) -> Vec<Hashed> {
        list.iter()
            .map(|(id, hash)| Hashed {
                suspect: Suspect {
                    id: (*id).to_owned(),
                    key: vec![format!("key {id}")],
                },
                hash: (*hash).to_owned(),
            })
            .collect()
    }

    #[test]
    fn what_is_on_one_side_or_has_another_hash_is_a_suspect() {
        let source = rows(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let target = rows(&[("d", "3"), ("b", "9"), ("a", "1")]);
        let found: Vec<String> = differing(source, target)
            .into_iter()
            .map(|suspect| suspect.id)
            .collect();
        assert_eq!(found, ["b", "c", "d"]);
    }

    #[test]
    fn a_key_that_an_index_should_have_kept_apart_is_seen_twice() {
        let found = differing(rows(&[("a", "1")]), rows(&[("a", "1"), ("a", "1")]));
        assert_eq!(found.len(), 1);
    }
}
