//! A row that is more than a server can hold in one piece (1 GB): which one it is. A server
//! only says how much memory it was asked for.

use pg_session::{Error, Relation, Wire, checksum, quote};

/// What is shown of a key's value, in characters.
const SHOWN: u32 = 100;

/// Whether a server failed because of a value, or a row, that is too large for it: as text a
/// `bytea` has twice as many bytes. (`MaxAllocSize` of PostgreSQL's memutils.h; 53200 and 54000
/// are those of stringinfo.c, before 17 and since.)
pub(crate) fn is_too_wide(error: &Error) -> bool {
    match error.sqlstate() {
        Some("53200" | "54000") => true,
        // An internal error, which no server translates.
        Some("XX000") => error.told().contains("invalid memory alloc request size"),
        _ => false,
    }
}

/// The same error, with the widest row of its table.
pub(crate) fn named(source: &mut Wire, relation: &Relation, error: Error) -> Error {
    let row = source
        .rows(&find(relation))
        .ok()
        .and_then(|rows| rows.into_iter().next());
    let mut values = row.into_iter().flatten();
    let Some(Some(place)) = values.next() else {
        return error;
    };
    let key: Vec<String> = relation
        .key
        .iter()
        .zip(values.flatten())
        .map(|(name, value)| format!("{} = {}", quote::identifier(name), quote::literal(&value)))
        .collect();
    let which = if key.is_empty() {
        format!("ctid = {}", quote::literal(&place))
    } else {
        key.join(" and ")
    };
    error
        .while_doing(format!("the widest row is that with {which}"))
        .with_hint(
            "A row of more than 1 GB cannot be sent. Binary takes half of what text takes: leave \
             --copy-format text out; else make that row smaller, or take the table out of the stream.",
        )
}

/// Place and key of the widest row. Sizes are had without the values: neither function reads
/// what is stored apart.
fn find(relation: &Relation) -> String {
    let sizes: Vec<String> = relation
        .columns
        .iter()
        .map(|column| {
            let of = match column.data_type.as_str() {
                "bytea" | "text" => "octet_length",
                _ => "pg_column_size",
            };
            format!(
                "coalesce({of}({}), 0)::bigint",
                quote::identifier(&column.name)
            )
        })
        .collect();
    let mut key = String::new();
    // No cast: the owner of a type may have made one of his own.
    for name in &relation.key {
        key.push_str(&format!(
            ", left(concat({}), {SHOWN})",
            quote::identifier(name)
        ));
    }
    format!(
        "select ctid::text{key} from only {}{} order by {} desc limit 1",
        relation.name.sql(),
        checksum::condition(relation),
        sizes.join(" + ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_widest_row_is_found_without_reading_its_values() {
        let mut relation = sample::relation(&["k'", "v"]);
        relation.key = vec!["k'".to_owned()];
        relation.columns[1].data_type = "bytea".to_owned();
        assert_eq!(
            find(&relation),
            "select ctid::text, left(concat(\"k'\"), 100) from only \"s\".\"t\" order by \
             coalesce(pg_column_size(\"k'\"), 0)::bigint + coalesce(octet_length(\"v\"), 0)::bigint \
             desc limit 1"
        );
    }
}
