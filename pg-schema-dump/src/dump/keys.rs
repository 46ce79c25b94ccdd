//! Primary keys and unique constraints in two steps: the index, which many can build side by
//! side, then the constraint on it, which takes no time. What else pg_dump says with a
//! constraint (CLUSTER ON, REPLICA IDENTITY, statistics) stays with it, word for word.
//!
//! From 18 on a primary key USING INDEX makes an inherited NOT NULL a local one, which the
//! plain command does not: such keys stay as they are.

use std::collections::BTreeMap;

use pg_pipe::record::Object;
use pg_session::{Error, ServerVersion, Session};

use crate::quoted::{Kind, Token, tokens};

const KEYS: &str = include_str!("sql/key_list.sql");

/// Schema, table and name of a constraint.
type Key = (String, String, String);

/// Splits the constraints that can be split for the target, if it is known; the others stay as
/// pg_dump wrote them.
///
/// # Errors
/// What the server says.
pub(crate) fn split(
    session: &mut Session,
    target: Option<ServerVersion>,
    objects: &mut Vec<Object>,
) -> Result<(), Error> {
    if !objects.iter().any(|object| object.kind == "CONSTRAINT") {
        return Ok(());
    }
    let keeps_inherited = target.is_none_or(ServerVersion::has_not_null_constraints);
    let mut indexes: BTreeMap<Key, String> = session
        .query(KEYS, &[])?
        .iter()
        .filter(|row| !(keeps_inherited && row.get("is_inheriting")))
        .map(|row| {
            let key = (row.get("schema"), row.get("relation"), row.get("name"));
            (key, row.get("sql"))
        })
        .collect();
    let mut last_id = objects.iter().map(|object| object.id).max().unwrap_or(0);
    let mut result = Vec::with_capacity(objects.len() + indexes.len());
    for mut object in objects.drain(..) {
        if object.kind == "CONSTRAINT"
            && let Some(addition) = Addition::read(&object.sql)
            && let Some(index) = indexes.remove(&addition.key)
        {
            last_id += 1;
            result.push(Object {
                id: last_id,
                kind: "INDEX".to_owned(),
                name: addition.key.2.clone(),
                sql: format!("{index};\n"),
                ..object.clone()
            });
            object.sql = addition.using_index();
            object.tablespace = None;
            object.depends_on.push(last_id);
        }
        result.push(object);
    }
    *objects = result;
    Ok(())
}

/// `ALTER TABLE ONLY s.t ADD CONSTRAINT c PRIMARY KEY (…) … DEFERRABLE;` and what follows.
struct Addition<'a> {
    key: Key,
    /// Up to and with the constraint's name.
    head: &'a str,
    /// The name as it stands there.
    name: &'a str,
    /// `PRIMARY KEY` or `UNIQUE`.
    sort: &'static str,
    /// ` DEFERRABLE INITIALLY DEFERRED` or a part of it.
    deferrable: &'static str,
    /// From the semicolon on.
    rest: &'a str,
}

impl<'a> Addition<'a> {
    /// `None` where the text is not exactly what is known.
    fn read(sql: &'a str) -> Option<Self> {
        let mut places = Vec::new();
        let (mut at, mut depth) = (0, 0_usize);
        for token in tokens(sql) {
            match (token.kind, token.text) {
                (Kind::Space, _) => {}
                (Kind::Other, "(") => {
                    depth += 1;
                    places.extend((depth == 1).then_some((at, token)));
                }
                (Kind::Other, ")") => depth = depth.checked_sub(1)?,
                (Kind::Other, ";") if depth == 0 => return Self::of(sql, at, &places),
                _ if depth == 0 => places.push((at, token)),
                _ => {}
            }
            at += token.text.len();
        }
        None
    }

    /// From the tokens outside of parentheses, the opening ones included.
    fn of(sql: &'a str, end: usize, places: &[(usize, Token<'a>)]) -> Option<Self> {
        let (begin, definition) = places.split_at_checked(9)?;
        let [
            alter,
            table,
            only,
            schema,
            dot,
            relation,
            add,
            constraint,
            name,
        ] = begin
        else {
            return None;
        };
        let words = [
            (alter, "alter"),
            (table, "table"),
            (only, "only"),
            (add, "add"),
            (constraint, "constraint"),
        ];
        if !words.iter().all(|((_, token), word)| token.is(word)) || dot.1.text != "." {
            return None;
        }
        let (sort, deferrable) = sort_of(definition)?;
        Some(Self {
            key: (schema.1.name()?, relation.1.name()?, name.1.name()?),
            head: sql.get(..name.0 + name.1.text.len())?,
            name: name.1.text,
            sort,
            deferrable,
            rest: sql.get(end..)?,
        })
    }

    fn using_index(&self) -> String {
        let Self {
            head,
            name,
            sort,
            deferrable,
            rest,
            ..
        } = self;
        format!("{head} {sort} USING INDEX {name}{deferrable}{rest}")
    }
}

/// Reads `PRIMARY KEY (…) INCLUDE (…) WITH (…) DEFERRABLE INITIALLY DEFERRED`: which sort of key
/// it is, and what of it is not the index'.
fn sort_of(definition: &[(usize, Token<'_>)]) -> Option<(&'static str, &'static str)> {
    let words: Vec<String> = definition
        .iter()
        .map(|(_, token)| token.text.to_ascii_uppercase())
        .collect();
    let text = words.join(" ");
    let (sort, rest) = ["PRIMARY KEY (", "UNIQUE (", "UNIQUE NULLS NOT DISTINCT ("]
        .iter()
        .zip(["PRIMARY KEY", "UNIQUE", "UNIQUE"])
        .find_map(|(begin, sort)| Some((sort, text.strip_prefix(begin)?)))?;
    let rest = rest.strip_prefix(" INCLUDE (").unwrap_or(rest);
    let rest = rest.strip_prefix(" WITH (").unwrap_or(rest);
    match rest {
        "" => Some((sort, "")),
        " DEFERRABLE" => Some((sort, " DEFERRABLE")),
        " DEFERRABLE INITIALLY DEFERRED" => Some((sort, " DEFERRABLE INITIALLY DEFERRED")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(sql: &str, key: (&str, &str, &str), expected: &str) {
        let addition = Addition::read(sql).unwrap();
        let (schema, table, name) = key;
        assert_eq!(
            addition.key,
            (schema.to_owned(), table.to_owned(), name.to_owned())
        );
        assert_eq!(addition.using_index(), expected);
    }

    #[test]
    fn a_key_is_put_on_its_index_and_what_follows_stays() {
        becomes(
            "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (a, \"b)\") INCLUDE (c) WITH (fillfactor='70');\n\nALTER TABLE s.t CLUSTER ON t_pkey;\n",
            ("s", "t", "t_pkey"),
            "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY USING INDEX t_pkey;\n\nALTER TABLE s.t CLUSTER ON t_pkey;\n",
        );
        becomes(
            "ALTER TABLE ONLY \"S.\".\"t \"\";\"\n    ADD CONSTRAINT \"UNIQUE (\" UNIQUE NULLS NOT DISTINCT (a) DEFERRABLE INITIALLY DEFERRED;\n",
            ("S.", "t \";", "UNIQUE ("),
            "ALTER TABLE ONLY \"S.\".\"t \"\";\"\n    ADD CONSTRAINT \"UNIQUE (\" UNIQUE USING INDEX \"UNIQUE (\" DEFERRABLE INITIALLY DEFERRED;\n",
        );
    }

    #[test]
    fn what_is_not_known_is_not_touched() {
        for sql in [
            "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT c EXCLUDE USING gist (a WITH =);\n",
            "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT c PRIMARY KEY (a) SOMETHING NEW;\n",
            "ALTER TABLE ONLY t\n    ADD CONSTRAINT c PRIMARY KEY (a);\n",
            "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT c PRIMARY KEY (a)",
            "",
        ] {
            assert!(Addition::read(sql).is_none(), "{sql}");
        }
    }
}
