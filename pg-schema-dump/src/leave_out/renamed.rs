//! Roles by another name inside of pg_dump's SQL: only where the grammar has a role.

use std::collections::{BTreeMap, BTreeSet};

use pg_session::quote;

use crate::quoted::{Kind, Token, tokens};

/// Old names and new ones.
type Names<'a> = BTreeMap<&'a str, &'a str>;

/// The SQL with the roles renamed that it names as owners, grantees, grantors and the like.
pub(super) fn roles(sql: &str, names: &Names<'_>) -> String {
    let tokens = tokens(sql);
    let mut places = BTreeSet::new();
    for statement in outer_statements(&tokens) {
        places.extend(Statement(&statement).roles());
    }
    if places.is_empty() {
        return sql.to_owned();
    }
    let rename = |(at, token): (usize, &Token<'_>)| {
        let renamed = places.contains(&at).then(|| renamed(token, names));
        renamed.flatten().unwrap_or_else(|| token.text.to_owned())
    };
    tokens.iter().enumerate().map(rename).collect()
}

/// `CREATE DATABASE d … TABLESPACE = t;` without the tablespace.
pub(super) fn without_tablespace(sql: &str) -> String {
    let tokens = tokens(sql);
    let mut dropped = BTreeSet::new();
    for statement in outer_statements(&tokens) {
        for pair in statement.windows(3) {
            if let [(first, word), (_, equals), (last, _)] = pair
                && word.is("tablespace")
                && equals.text == "="
            {
                // The space before goes, too.
                dropped.extend(first.saturating_sub(1)..=*last);
            }
        }
    }
    let kept = tokens.iter().enumerate();
    kept.filter(|(at, _)| !dropped.contains(at))
        .map(|(_, token)| token.text)
        .collect()
}

fn renamed(token: &Token<'_>, names: &Names<'_>) -> Option<String> {
    let new = names.get(token.name()?.as_str())?;
    Some(match token.kind {
        Kind::Literal => quote::literal(new).trim_start().to_owned(),
        _ => quote::identifier(new),
    })
}

type Placed<'t> = (usize, Token<'t>);

/// The statements, each as its tokens outside of parentheses, without space, with their places.
fn outer_statements<'t>(tokens: &[Token<'t>]) -> Vec<Vec<Placed<'t>>> {
    let mut statements = vec![Vec::new()];
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match (token.kind, token.text) {
            (Kind::Space, _) => {}
            (Kind::Other, "(") => depth += 1,
            (Kind::Other, ")") => depth = depth.saturating_sub(1),
            (Kind::Other, ";") => {
                depth = 0;
                statements.push(Vec::new());
            }
            _ if depth == 0 => {
                if let Some(statement) = statements.last_mut() {
                    statement.push((at, *token));
                }
            }
            _ => {}
        }
    }
    statements
}

/// A statement's tokens outside of parentheses.
struct Statement<'s, 't>(&'s [Placed<'t>]);

impl Statement<'_, '_> {
    /// Places of the tokens that are roles.
    fn roles(&self) -> Vec<usize> {
        let words = |words: &[&str]| self.begins_with(words);
        if words(&["grant"]) || words(&["revoke"]) {
            return self.grant(0);
        }
        if words(&["alter", "default", "privileges"]) {
            let mut roles = self.list_after(&["for", "role"], 3);
            roles.extend(self.list_after(&["for", "user"], 3));
            roles.extend(self.grant(3));
            return roles;
        }
        if words(&["create", "policy"]) || words(&["alter", "policy"]) {
            // A policy's name stands before ON, and FOR says which commands.
            return self
                .find(&["on"], 3)
                .map_or_else(Vec::new, |on| self.list_after(&["to"], on));
        }
        if words(&["create", "user", "mapping"])
            || words(&["alter", "user", "mapping"])
            || words(&["drop", "user", "mapping"])
        {
            return self.list_after(&["for"], 3);
        }
        if words(&["create", "schema"]) {
            return self.list_after(&["authorization"], 2);
        }
        if words(&["comment"]) || words(&["security", "label"]) {
            return self.list_after(&["on", "role"], 1);
        }
        self.session_or_role()
    }

    fn session_or_role(&self) -> Vec<usize> {
        if self.begins_with(&["set", "session", "authorization"]) {
            return self.at(3);
        }
        if self.begins_with(&["set"]) {
            let mut roles = self.setting(0);
            if roles.is_empty() && self.begins_with(&["set", "role"]) {
                roles = self.at(2);
            }
            return roles;
        }
        let is_role = ["alter", "create", "drop"].iter().any(|verb| {
            ["role", "user", "group"]
                .iter()
                .any(|what| self.begins_with(&[verb, what]))
        });
        let mut roles = if is_role { self.at(2) } else { Vec::new() };
        if self.begins_with(&["alter"]) {
            roles.extend(self.new_owner());
            if is_role || self.begins_with(&["alter", "database"]) {
                let set = self.find(&["set"], 3);
                roles.extend(set.map_or_else(Vec::new, |set| self.setting(set)));
            }
        }
        roles
    }

    /// `… TO a, b WITH GRANT OPTION GRANTED BY c`, or FROM. Both words are reserved.
    fn grant(&self, from: usize) -> Vec<usize> {
        let Some(to) = self.find(&["to"], from).or(self.find(&["from"], from)) else {
            return Vec::new();
        };
        let mut roles = self.list(to + 1);
        roles.extend(self.list_after(&["granted", "by"], to));
        roles
    }

    /// `… OWNER TO a` at the very end.
    fn new_owner(&self) -> Vec<usize> {
        match self.0 {
            [.., (_, owner), (_, to), (at, _)] if owner.is("owner") && to.is("to") => vec![*at],
            _ => Vec::new(),
        }
    }

    /// `SET role TO 'a'`: the one setting whose value is a role.
    fn setting(&self, set: usize) -> Vec<usize> {
        match self.0.get(set + 1..) {
            Some([(_, name), (_, to), (at, value)])
                if name.name().as_deref() == Some("role")
                    && (to.is("to") || to.text == "=")
                    && value.kind == Kind::Literal =>
            {
                vec![*at]
            }
            _ => Vec::new(),
        }
    }

    fn list_after(&self, words: &[&str], from: usize) -> Vec<usize> {
        self.find(words, from)
            .map_or_else(Vec::new, |at| self.list(at + words.len()))
    }

    /// The names from there on, as long as commas join them.
    fn list(&self, from: usize) -> Vec<usize> {
        let mut roles = Vec::new();
        let mut rest = self.0.get(from..).unwrap_or_default();
        while let [(at, _), after @ ..] = rest {
            roles.push(*at);
            match after {
                [(_, comma), next @ ..] if comma.text == "," => rest = next,
                _ => break,
            }
        }
        roles
    }

    fn at(&self, index: usize) -> Vec<usize> {
        self.0.get(index).map(|(at, _)| *at).into_iter().collect()
    }

    fn begins_with(&self, words: &[&str]) -> bool {
        self.0.len() >= words.len()
            && self
                .0
                .iter()
                .zip(words)
                .all(|((_, token), word)| token.is(word))
    }

    /// Where words stand one after the other.
    fn find(&self, words: &[&str], from: usize) -> Option<usize> {
        let tail = self.0.get(from..)?;
        tail.windows(words.len())
            .position(|window| {
                window
                    .iter()
                    .zip(words)
                    .all(|((_, token), word)| token.is(word))
            })
            .map(|at| at + from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(sql: &str, expected: &str) {
        let names = Names::from([("a", "x"), ("A \"to\"", "y'; z"), ("owner", "z")]);
        assert_eq!(roles(sql, &names), expected);
    }

    #[test]
    fn roles_are_renamed_where_the_grammar_has_them() {
        for (sql, expected) in [
            (
                "ALTER TABLE a.a OWNER TO a;",
                "ALTER TABLE a.a OWNER TO \"x\";",
            ),
            (
                "ALTER FUNCTION \"OWNER TO a\"(a, owner) OWNER TO \"owner\";",
                "ALTER FUNCTION \"OWNER TO a\"(a, owner) OWNER TO \"z\";",
            ),
            (
                "GRANT SELECT(a),UPDATE(a) ON TABLE a.\"to\" TO a,b , \"A \"\"to\"\"\" WITH GRANT OPTION GRANTED BY a;",
                "GRANT SELECT(a),UPDATE(a) ON TABLE a.\"to\" TO \"x\",b , \"y'; z\" WITH GRANT OPTION GRANTED BY \"x\";",
            ),
            (
                "REVOKE ALL ON SCHEMA a FROM PUBLIC;\nREVOKE ALL ON SCHEMA a FROM A;\n",
                "REVOKE ALL ON SCHEMA a FROM PUBLIC;\nREVOKE ALL ON SCHEMA a FROM \"x\";\n",
            ),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA a REVOKE ALL ON TABLES FROM a;",
                "ALTER DEFAULT PRIVILEGES FOR ROLE \"x\" IN SCHEMA a REVOKE ALL ON TABLES FROM \"x\";",
            ),
            (
                "CREATE POLICY \"on\" ON a.a AS RESTRICTIVE FOR SELECT TO a, owner USING ((a = 'TO a'::text));",
                "CREATE POLICY \"on\" ON a.a AS RESTRICTIVE FOR SELECT TO \"x\", \"z\" USING ((a = 'TO a'::text));",
            ),
            (
                "CREATE USER MAPPING FOR a SERVER a OPTIONS (\n \"user\" 'FOR a'\n);",
                "CREATE USER MAPPING FOR \"x\" SERVER a OPTIONS (\n \"user\" 'FOR a'\n);",
            ),
            (
                "SET SESSION AUTHORIZATION a;\nGRANT ALL ON TYPE a TO a;\nRESET SESSION AUTHORIZATION;",
                "SET SESSION AUTHORIZATION \"x\";\nGRANT ALL ON TYPE a TO \"x\";\nRESET SESSION AUTHORIZATION;",
            ),
            (
                "SET SESSION AUTHORIZATION 'A \"to\"';SET ROLE a;",
                "SET SESSION AUTHORIZATION 'y''; z';SET ROLE \"x\";",
            ),
            (
                "ALTER ROLE a IN DATABASE a SET search_path TO 'a';",
                "ALTER ROLE \"x\" IN DATABASE a SET search_path TO 'a';",
            ),
            (
                "ALTER DATABASE a SET role TO 'a';",
                "ALTER DATABASE a SET role TO 'x';",
            ),
            (
                "CREATE SCHEMA a AUTHORIZATION a;",
                "CREATE SCHEMA a AUTHORIZATION \"x\";",
            ),
        ] {
            becomes(sql, expected);
        }
    }

    #[test]
    fn everything_else_is_not_touched() {
        for sql in [
            "CREATE FUNCTION a() RETURNS a LANGUAGE sql AS $_$ GRANT a TO a; ALTER TABLE a OWNER TO a; $_$;",
            "COMMENT ON TABLE a IS 'OWNER TO a; GRANT x ON y TO a;';",
            "CREATE TABLE a (a a DEFAULT 'a' -- OWNER TO a;\n);",
            "/* ; GRANT ALL ON a TO a; */ CREATE VIEW a AS SELECT a FROM a;",
            "GRANT ALL ON a TO public;",
            "GRANT ALL ON a TO \"a;b\", aa, \"A\";",
            "ALTER TABLE a RENAME TO a;",
        ] {
            becomes(sql, sql);
        }
    }

    #[test]
    fn a_database_loses_its_tablespace() {
        assert_eq!(
            without_tablespace(
                "CREATE DATABASE \"TABLESPACE = a\" WITH ENCODING = 'UTF8' TABLESPACE = \"a;b\";\n"
            ),
            "CREATE DATABASE \"TABLESPACE = a\" WITH ENCODING = 'UTF8';\n"
        );
    }
}
