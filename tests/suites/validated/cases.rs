//! What makes each check of pg-validate fire: the lines of `cases.txt`, one a check.

use super::ways::{WAYS, Way};

/// Way, side, id, what the check must name, and the SQL that makes it fire, ` | ` between them.
const LINES: &str = include_str!("cases.txt");

/// A check, where it fires, what makes it fire, and what it must name then.
pub(super) struct Case {
    pub(super) id: &'static str,
    pub(super) way: Way,
    pub(super) at: At,
    /// Pieces with `;;` between them; `{db}` is the database. Without any the way alone makes
    /// it fire, and it must be quiet on the plain one.
    pub(super) sql: &'static str,
    pub(super) names: &'static str,
}

/// Which side the SQL is run on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum At {
    Source,
    Target,
}

/// Every check that a database or a server can be made to fire.
pub(super) fn cases() -> Vec<Case> {
    LINES.lines().map(case).collect()
}

fn case(line: &'static str) -> Case {
    let fields: Vec<&str> = line.splitn(5, " | ").map(str::trim).collect();
    let (fields, sql) = match fields.as_slice() {
        [way, at, id, names, sql] => ([*way, at, id, names], *sql),
        // Without SQL the line ends with a separator that has lost its space.
        [way, at, id, names] => ([*way, at, id, names.trim_end_matches(" |")], ""),
        _ => panic!("no case: {line}"),
    };
    let [way, at, id, names] = fields;
    let way = WAYS.iter().find(|(name, _)| *name == way);
    Case {
        id,
        way: way.unwrap_or_else(|| panic!("no way: {line}")).1,
        at: if at == "target" {
            At::Target
        } else {
            At::Source
        },
        sql,
        names,
    }
}
