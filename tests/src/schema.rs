//! A database's schema as pg_dump sees it, entry by entry, and psql to load scripts: the
//! witnesses of what arrived, none of our code.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::database::Database;
use crate::majors::Majors;
use crate::ran::Ran;
use crate::tool::{Stdin, Tool};

/// A database of 2 GB takes minutes on a machine that has other things to do.
const LIMIT: Duration = Duration::from_mins(30);

/// How much of an entry a difference shows.
const SHOWN_CHARS: usize = 700;

/// Runs a script with psql, and goes on after errors; what it says is in the result.
pub fn psql(database: &Database, script: Stdin) -> Ran {
    client("psql")
        .args(["-X", "-q", "-o", "/dev/null", "-d"])
        .arg(database.conninfo())
        .stdin(script)
        .run()
}

/// What pg_dump writes.
pub fn pg_dump(database: &Database, options: &[&str]) -> String {
    let ran = client("pg_dump")
        .args(options)
        .arg("-d")
        .arg(database.conninfo())
        .run();
    ran.ends_with(0).text()
}

/// All that pg_dumpall says of a server but rows: roles, memberships, databases, comments, schemas.
pub fn dumpall(cluster: &Cluster) -> Vec<String> {
    let ran = Tool::program("pg_dumpall", &cluster.bin.join("pg_dumpall"))
        .args(["--schema-only", "--dbname"])
        .arg(cluster.conninfo("postgres"))
        .timeout(LIMIT)
        .run();
    ran.ends_with(0);
    let text = ran.text();
    // Its keys against smuggled commands are random.
    let lines = text
        .lines()
        .filter(|line| !line.contains("restrict ") && !line.starts_with("-- "));
    lines.map(str::to_owned).collect()
}

fn client(name: &str) -> Tool {
    let clients = Majors::clients().expect("psql and pg_dump lie beside a server");
    Tool::program(name, &clients.join(name)).timeout(LIMIT)
}

/// Each entry of a dump: what it is called, and its text. Two may be called the same, so each
/// name has a list.
#[derive(Debug)]
pub struct Schema {
    entries: BTreeMap<String, Vec<String>>,
}

impl Schema {
    /// The schema of a database, and its own properties.
    pub fn of(database: &Database) -> Self {
        Self::read(&pg_dump(database, &["--schema-only", "--create"]))
    }

    /// What `pg_dump | psql` makes of a database's schema in an empty one.
    pub fn restored(source: &Database, into: &Database) -> Self {
        let script = pg_dump(source, &["--schema-only"]);
        // pg_dump 17 and above set it in every dump; servers before do not know it.
        let script: String = without_private_options(&script)
            .lines()
            .filter(|line| !line.starts_with("SET transaction_timeout = "))
            .flat_map(|line| [line, "\n"])
            .collect();
        psql(into, Stdin::Bytes(script.into_bytes()));
        Self::of(into)
    }

    /// Reads what pg_dump wrote.
    pub fn read(dump: &str) -> Self {
        let mut entries: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut place = Place::default();
        let dump = without_private_options(dump);
        for entry in dump.split("\n--\n-- Name: ") {
            let (header, body) = entry.split_once('\n').unwrap_or((entry, ""));
            let (name, owner) = header.split_once("; Owner: ").unwrap_or((header, ""));
            let mut lines: Vec<&str> = body.lines().filter(|line| !is_frame(line)).collect();
            let here = place.clone();
            place.take(&mut lines);
            let kind = name.split("; Type: ").nth(1).unwrap_or_default();
            // Before the first entry there are settings.
            if kind.is_empty() {
                continue;
            }
            let text = lines.join("\n");
            let text = text.trim_start_matches("--\n").trim();
            let text = match kind.split(';').next().unwrap_or_default() {
                "ACL" | "DEFAULT ACL" => sorted_grants(text),
                "POLICY" => sorted_roles(text),
                "TABLE" | "MATERIALIZED VIEW" | "INDEX" | "CONSTRAINT" => here.of(text),
                _ => text.to_owned(),
            };
            let text = format!("owner {owner}\n{text}");
            entries.entry(name.to_owned()).or_default().push(text);
        }
        for same in entries.values_mut() {
            same.sort_unstable();
        }
        Self { entries }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Names of the entries that are other than in `wanted`, each with a text that shows both.
    pub fn differences(&self, wanted: &Self) -> BTreeMap<String, String> {
        let names = self.entries.keys().chain(wanted.entries.keys());
        names
            .filter(|name| self.entries.get(*name) != wanted.entries.get(*name))
            .map(|name| (name.clone(), self.shown_beside(wanted, name)))
            .collect()
    }

    /// Whether both have the same under a name.
    pub fn agrees(&self, other: &Self, name: &str) -> bool {
        self.entries.get(name) == other.entries.get(name)
    }

    fn shown_beside(&self, wanted: &Self, name: &str) -> String {
        let mut text = format!("{name}\n");
        for (whose, schema) in [("wanted", wanted), ("got", self)] {
            let body = schema
                .entries
                .get(name)
                .map_or_else(|| "nothing".to_owned(), |bodies| bodies.join("\n---\n"));
            let body: String = body.chars().take(SHOWN_CHARS).collect();
            let indented = body.replace('\n', "\n      ");
            let written = writeln!(text, "  {whose}:\n      {indented}");
            written.expect("a string takes everything");
        }
        text
    }
}

/// Lines around a dump.
fn is_frame(line: &str) -> bool {
    [
        "\\restrict ",
        "\\unrestrict ",
        "-- PostgreSQL database dump complete",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

/// Tablespace and access method, which pg_dump sets before the header of the next entry.
#[derive(Clone, Debug, Default)]
struct Place {
    tablespace: String,
    access_method: String,
}

impl Place {
    /// Takes the settings from the end of an entry.
    fn take(&mut self, lines: &mut Vec<&str>) {
        let mut rest = lines.clone();
        while let Some(line) = rest.pop() {
            if let Some(name) = line.strip_prefix("SET default_tablespace = ") {
                name.clone_into(&mut self.tablespace);
            } else if let Some(name) = line.strip_prefix("SET default_table_access_method = ") {
                name.clone_into(&mut self.access_method);
            } else if !line.is_empty() && line != "--" {
                return;
            }
            lines.clone_from(&rest);
        }
    }

    /// A statement with the settings that it has.
    fn of(&self, text: &str) -> String {
        let mut said = format!("tablespace {}\n", self.tablespace);
        let has_method =
            text.starts_with("CREATE TABLE") || text.starts_with("CREATE MATERIALIZED");
        if has_method && !text.contains("\nPARTITION BY ") {
            said.push_str("method ");
            said.push_str(&self.access_method);
            said.push('\n');
        }
        said + text
    }
}

/// The roles of a policy have the order in which they were created.
fn sorted_roles(text: &str) -> String {
    let Some((before, after)) = text.split_once(" TO ") else {
        return text.to_owned();
    };
    let end = [" USING ", " WITH CHECK ", ";"]
        .iter()
        .filter_map(|end| after.find(end))
        .min()
        .unwrap_or(after.len());
    let (roles, rest) = after.split_at(end);
    let mut roles: Vec<&str> = roles.split(", ").collect();
    roles.sort_unstable();
    format!("{before} TO {}{rest}", roles.join(", "))
}

/// Grants have no order of their own. A statement may have line breaks in its names, so what is
/// sorted ends with a semicolon at the end of a line.
fn sorted_grants(text: &str) -> String {
    let mut statements: Vec<&str> = text
        .split(";\n")
        .map(|one| one.trim_end_matches(';'))
        .collect();
    statements.sort_unstable();
    statements.join(";\n")
}

/// Takes out an option that single minor releases of the server keep for themselves.
fn without_private_options(dump: &str) -> String {
    const OPTION: &str = "pg_attver=";
    if !dump.contains(OPTION) {
        return dump.to_owned();
    }
    dump.lines()
        .filter(|line| !line.contains(" SET (pg_attver=") || line.contains(','))
        .map(|line| match line.split_once(OPTION) {
            Some((before, after)) => {
                let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
                let rest = rest.strip_prefix(", ").unwrap_or(rest);
                let before = if rest.starts_with(')') {
                    before.strip_suffix(", ").unwrap_or(before)
                } else {
                    before
                };
                format!("{before}{rest}\n")
            }
            None => format!("{line}\n"),
        })
        .collect()
}

/// The bytes of a file that gzip packed.
pub fn unpacked(file: &Path) -> Vec<u8> {
    let ran = Tool::program("gzip", Path::new("gzip"))
        .arg("-dc")
        .arg(file)
        .run();
    ran.ends_with(0);
    ran.stdout
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "--\n-- PostgreSQL database dump\n--\n\nSET a = 1;\n\n--\n-- Name: t; Type: TABLE; Schema: s; Owner: o\n--\n\nCREATE TABLE s.t (\n    a integer\n);\n\n\n--\n-- Name: TABLE t; Type: ACL; Schema: s; Owner: o\n--\n\nGRANT SELECT ON TABLE s.t TO b;\nGRANT SELECT ON TABLE s.t TO a;\n\n\n--\n-- PostgreSQL database dump complete\n--\n";

    #[test]
    fn a_dump_is_read_entry_by_entry() {
        let schema = Schema::read(DUMP);
        assert_eq!(schema.len(), 2);
        assert_eq!(schema.differences(&Schema::read(DUMP)).len(), 0);
        let swapped = DUMP.replace(
            "TO b;\nGRANT SELECT ON TABLE s.t TO a",
            "TO a;\nGRANT SELECT ON TABLE s.t TO b",
        );
        assert_eq!(schema.differences(&Schema::read(&swapped)).len(), 0);
    }

    #[test]
    fn a_byte_more_is_a_difference() {
        let other = Schema::read(&DUMP.replace("a integer", "a  integer"));
        let found = Schema::read(DUMP).differences(&other);
        let names: Vec<&String> = found.keys().collect();
        assert_eq!(names, ["t; Type: TABLE; Schema: s"]);
    }

    #[test]
    fn private_options_are_no_part_of_a_schema() {
        let plain = "ALTER TABLE t ALTER COLUMN a SET (n_distinct=1);\n";
        for private in [
            "SET (pg_attver=2, n_distinct=1)",
            "SET (n_distinct=1, pg_attver=22)",
        ] {
            assert_eq!(
                without_private_options(&plain.replace("SET (n_distinct=1)", private)),
                plain
            );
        }
        assert_eq!(
            without_private_options("ALTER TABLE t ALTER COLUMN a SET (pg_attver=3);\n"),
            ""
        );
    }
}
