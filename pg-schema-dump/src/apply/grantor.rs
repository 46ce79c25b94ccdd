//! Grants that somebody else than the owner gave. pg_dump writes them with SET SESSION
//! AUTHORIZATION, which is a superuser's; a member of the grantor comes to the same by SET ROLE.

use pg_pipe::record::{AppliedStatus, Object};
use pg_session::{Class, Error, Session};

use crate::apply::ledgered::Ledgered;
use crate::quoted::{Kind, Token, tokens};

/// Tries grants again that were refused for want of a privilege.
///
/// # Errors
/// The first error where no grantor is named; otherwise what the server says now.
pub(crate) fn again(
    session: &mut Session,
    ledgered: &Ledgered,
    object: &Object,
    error: Error,
) -> Result<(AppliedStatus, u64), Error> {
    if error.class() != Class::Privilege || grantors(object).is_empty() {
        return Err(error);
    }
    let by = as_role(&object.sql);
    ledgered.make_by(session, object, (&object.sql, &by), "")
}

/// The roles that give the grants of an object, but for the owner.
pub(crate) fn grantors(object: &Object) -> Vec<String> {
    if object.kind != "ACL" {
        return Vec::new();
    }
    let tokens = tokens(&object.sql);
    phrases(&tokens)
        .filter(|at| tokens.get(*at).is_some_and(|token| token.is("SET")))
        // SET, SESSION, AUTHORIZATION, with space between them.
        .filter_map(|at| tokens.get(at + 6)?.name())
        .collect()
}

/// The SQL with the role set instead of the session's user.
fn as_role(sql: &str) -> String {
    let mut tokens = tokens(sql);
    let places: Vec<usize> = phrases(&tokens).collect();
    for at in places {
        for (offset, text) in [(2, "ROLE"), (3, ""), (4, "")] {
            if let Some(token) = tokens.get_mut(at + offset) {
                token.text = text;
            }
        }
    }
    tokens.iter().map(|token| token.text).collect()
}

/// Where SET or RESET SESSION AUTHORIZATION begins, as pg_dump writes it.
fn phrases(tokens: &[Token<'_>]) -> impl Iterator<Item = usize> {
    tokens
        .windows(5)
        .enumerate()
        .filter(|(_, words)| match words {
            [verb, one, session, other, authorization] => {
                (verb.is("SET") || verb.is("RESET"))
                    && one.kind == Kind::Space
                    && session.is("SESSION")
                    && other.kind == Kind::Space
                    && authorization.is("AUTHORIZATION")
            }
            _ => false,
        })
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use pg_pipe::record::Section;

    use super::*;

    #[test]
    fn the_grantor_becomes_the_role() {
        let sql = "GRANT ALL ON TABLE \"SET SESSION AUTHORIZATION x\" TO a WITH GRANT OPTION;\n\
            SET SESSION AUTHORIZATION \"a \"\"b\";\nGRANT SELECT ON TABLE t TO c;\nRESET SESSION AUTHORIZATION;\n\
            SET SESSION AUTHORIZATION c;\nGRANT SELECT ON TABLE t TO d;\nRESET SESSION AUTHORIZATION;\n";
        let object = Object {
            id: 1,
            kind: "ACL".to_owned(),
            schema: None,
            name: String::new(),
            owner: None,
            section: Section::Acl,
            access_method: None,
            tablespace: None,
            version: None,
            sql: sql.to_owned(),
            depends_on: Vec::new(),
        };
        assert_eq!(grantors(&object), ["a \"b", "c"]);
        assert_eq!(
            as_role(sql),
            "GRANT ALL ON TABLE \"SET SESSION AUTHORIZATION x\" TO a WITH GRANT OPTION;\n\
             SET ROLE \"a \"\"b\";\nGRANT SELECT ON TABLE t TO c;\nRESET ROLE;\n\
             SET ROLE c;\nGRANT SELECT ON TABLE t TO d;\nRESET ROLE;\n"
        );
    }
}
