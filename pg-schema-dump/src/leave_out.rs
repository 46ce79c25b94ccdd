//! What is left out of a schema, and roles by another name: flags as pg_dump has them, the
//! same for dumping and for applying.

mod renamed;

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::Failure;
use pg_pipe::record::{Object, RoleObject};

use crate::quoted::statements;

/// Flags that leave something out.
#[derive(Clone, Debug, Default, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag on the command line"
)]
pub(crate) struct LeaveOut {
    /// Leave out owners: everything belongs to the migrating role
    #[arg(short = 'O', long, help_heading = "What is left out")]
    pub(crate) no_owner: bool,

    /// Leave out grants, also the default ones
    #[arg(
        short = 'x',
        long,
        visible_alias = "no-acl",
        help_heading = "What is left out"
    )]
    pub(crate) no_privileges: bool,

    /// Leave out tablespaces: everything goes to the database's own
    #[arg(long, help_heading = "What is left out")]
    pub(crate) no_tablespaces: bool,

    /// Leave out comments
    #[arg(long, help_heading = "What is left out")]
    pub(crate) no_comments: bool,

    /// Leave out publications
    #[arg(long, help_heading = "What is left out")]
    pub(crate) no_publications: bool,

    /// Leave out subscriptions
    #[arg(long, help_heading = "What is left out")]
    pub(crate) no_subscriptions: bool,

    /// Leave out security labels
    #[arg(long, help_heading = "What is left out")]
    pub(crate) no_security_labels: bool,

    /// Give a role another name on the target (repeatable)
    ///
    /// Names are taken as they are, without quotes. Owners, grantees, members, policies, default
    /// privileges and user mappings get the new name.
    #[arg(
        long = "role-map",
        value_name = "OLD=NEW",
        value_parser = role_pair,
        help_heading = "What is left out"
    )]
    pub(crate) role_map: Vec<(String, String)>,
}

fn role_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => {
            Ok((old.to_owned(), new.to_owned()))
        }
        _ => Err("not of the form OLD=NEW".to_owned()),
    }
}

impl LeaveOut {
    /// Whether the flags agree with each other; to be asked before anything is done.
    ///
    /// # Errors
    /// When a role is given two names (exit 2).
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let mut seen = BTreeSet::new();
        match self.role_map.iter().find(|(old, _)| !seen.insert(old)) {
            Some((old, _)) => Err(Failure::usage(format!(
                "--role-map names role {old} more than once"
            ))
            .hint("Give each role one new name.")),
            None => Ok(()),
        }
    }

    /// The object as the flags want it; `None` when it is left out.
    pub(crate) fn adapt(&self, object: Object) -> Option<Object> {
        if self.leaves_out(&object) {
            return None;
        }
        let mut object = self.without_parts(object);
        if self.role_map.is_empty() {
            return Some(object);
        }
        let names = self.names();
        object.owner = object.owner.map(|owner| new_name(&names, owner));
        object.sql = renamed::roles(&object.sql, &names);
        if object.kind == "USER MAPPING" {
            object.name = renamed_mapping(&names, object.name);
        }
        Some(object)
    }

    /// The role as the flags want it.
    pub(crate) fn adapt_role(&self, role: RoleObject) -> RoleObject {
        let mut role = role;
        if self.no_comments {
            role.comment = None;
        }
        if self.role_map.is_empty() {
            return role;
        }
        let names = self.names();
        role.name = new_name(&names, role.name);
        for membership in &mut role.member_of {
            membership.role = new_name(&names, std::mem::take(&mut membership.role));
        }
        // Two roles that become one are no members of each other.
        role.member_of
            .retain(|membership| membership.role != role.name);
        for setting in &mut role.settings {
            *setting = renamed::roles(setting, &names);
        }
        role
    }

    fn names(&self) -> BTreeMap<&str, &str> {
        self.role_map
            .iter()
            .map(|(old, new)| (old.as_str(), new.as_str()))
            .collect()
    }

    fn leaves_out(&self, object: &Object) -> bool {
        let kind = object.kind.as_str();
        // Owners, comments and labels have the kind of what they are about in their name.
        let is_about = |what: &str| {
            kind.starts_with(what)
                || matches!(kind, "OWNER" | "COMMENT" | "SECURITY LABEL")
                    && object.schema.is_none()
                    && object.name.starts_with(&format!("{what} "))
        };
        match kind {
            "OWNER" if self.no_owner => true,
            "ACL" | "DEFAULT ACL" if self.no_privileges => true,
            "COMMENT" if self.no_comments => true,
            "SECURITY LABEL" if self.no_security_labels => true,
            "LARGE OBJECTS" => self.no_owner && self.no_privileges && self.no_comments,
            _ => {
                self.no_publications && is_about("PUBLICATION")
                    || self.no_subscriptions && is_about("SUBSCRIPTION")
            }
        }
    }

    /// Leaves out parts of an object.
    fn without_parts(&self, mut object: Object) -> Object {
        if self.no_owner {
            object.owner = None;
        }
        if self.no_tablespaces {
            object.tablespace = None;
            if object.kind == "DATABASE" {
                object.sql = renamed::without_tablespace(&object.sql);
            }
        }
        if object.kind == "LARGE OBJECTS" {
            let stays = |statement: &&str| {
                !(self.no_owner && statement.starts_with("ALTER ")
                    || self.no_privileges
                        && (statement.starts_with("GRANT ") || statement.starts_with("REVOKE "))
                    || self.no_comments && statement.starts_with("COMMENT "))
            };
            object.sql = statements(&object.sql).into_iter().filter(stays).collect();
        }
        object
    }
}

fn new_name(names: &BTreeMap<&str, &str>, name: String) -> String {
    names
        .get(name.as_str())
        .map_or(name, |new| (*new).to_owned())
}

/// pg_dump's tag of a user mapping is `USER MAPPING role SERVER server`, without quotes.
fn renamed_mapping(names: &BTreeMap<&str, &str>, tag: String) -> String {
    let renamed = names.iter().find_map(|(old, new)| {
        let server = tag.strip_prefix(&format!("USER MAPPING {old} SERVER "))?;
        Some(format!("USER MAPPING {new} SERVER {server}"))
    });
    renamed.unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::{Membership, Section};

    fn object(kind: &str, name: &str, sql: &str) -> Object {
        Object {
            id: 1,
            kind: kind.to_owned(),
            schema: None,
            name: name.to_owned(),
            owner: Some("old".to_owned()),
            section: Section::Acl,
            access_method: None,
            tablespace: Some("fast".to_owned()),
            version: None,
            sql: sql.to_owned(),
            depends_on: Vec::new(),
        }
    }

    fn mapped(pairs: &[(&str, &str)]) -> LeaveOut {
        LeaveOut {
            role_map: pairs
                .iter()
                .map(|(old, new)| ((*old).to_owned(), (*new).to_owned()))
                .collect(),
            ..LeaveOut::default()
        }
    }

    #[test]
    fn nothing_is_left_out_unless_asked_for() {
        let object = object("OWNER", "TABLE t", "ALTER TABLE t OWNER TO old;\n");
        assert_eq!(LeaveOut::default().adapt(object.clone()), Some(object));
    }

    #[test]
    fn each_flag_leaves_out_its_kind() {
        let none = LeaveOut::default;
        let publications = || LeaveOut {
            no_publications: true,
            ..none()
        };
        for (flags, kind, name, is_left) in [
            (
                LeaveOut {
                    no_owner: true,
                    ..none()
                },
                "OWNER",
                "TABLE t",
                true,
            ),
            (
                LeaveOut {
                    no_privileges: true,
                    ..none()
                },
                "DEFAULT ACL",
                "x",
                true,
            ),
            (
                LeaveOut {
                    no_comments: true,
                    ..none()
                },
                "COMMENT",
                "TABLE t",
                true,
            ),
            (publications(), "PUBLICATION TABLES IN SCHEMA", "p s", true),
            (publications(), "COMMENT", "PUBLICATION p", true),
            (publications(), "TABLE", "PUBLICATION p", false),
            (publications(), "SUBSCRIPTION", "s", false),
        ] {
            let adapted = flags.adapt(object(kind, name, ""));
            assert_eq!(adapted.is_none(), is_left, "{kind} {name}");
        }
    }

    #[test]
    fn large_objects_lose_statements_only() {
        let sql = "COMMENT ON LARGE OBJECT 1 IS ';';\nALTER LARGE OBJECT 1 OWNER TO a;\nGRANT SELECT ON LARGE OBJECT 1 TO b;\n";
        let flags = LeaveOut {
            no_owner: true,
            no_privileges: true,
            ..LeaveOut::default()
        };
        let left = flags.adapt(object("LARGE OBJECTS", "1..1", sql));
        assert_eq!(
            left.unwrap().sql,
            "COMMENT ON LARGE OBJECT 1 IS ';';\n".to_owned()
        );
    }

    #[test]
    fn owners_and_tablespaces_go_from_the_fields_too() {
        let flags = LeaveOut {
            no_owner: true,
            no_tablespaces: true,
            ..LeaveOut::default()
        };
        let left = flags.adapt(object("TABLE", "t", "")).unwrap();
        assert_eq!((left.owner, left.tablespace), (None, None));
    }

    #[test]
    fn a_role_is_renamed_with_its_groups() {
        let role = RoleObject {
            name: "old".to_owned(),
            attributes: Vec::new(),
            member_of: ["g", "twin"]
                .map(|role| Membership {
                    role: role.to_owned(),
                    admin: false,
                    inherit: None,
                    set: None,
                })
                .to_vec(),
            settings: vec!["SET \"role\" TO 'g'".to_owned()],
            comment: None,
        };
        let renamed = mapped(&[("old", "N w"), ("g", "h"), ("twin", "N w")]).adapt_role(role);
        assert_eq!(renamed.name, "N w");
        let groups: Vec<&str> = renamed.member_of.iter().map(|m| m.role.as_str()).collect();
        assert_eq!(groups, ["h"]);
        assert_eq!(renamed.settings, ["SET \"role\" TO 'h'"]);
    }

    #[test]
    fn owners_and_mappings_are_renamed() {
        let flags = mapped(&[("old", "a\"b")]);
        let mapping = object(
            "USER MAPPING",
            "USER MAPPING old SERVER old",
            "CREATE USER MAPPING FOR old SERVER old;\n",
        );
        let renamed = flags.adapt(mapping).unwrap();
        assert_eq!(renamed.name, "USER MAPPING a\"b SERVER old");
        assert_eq!(renamed.owner.as_deref(), Some("a\"b"));
        assert_eq!(
            renamed.sql,
            "CREATE USER MAPPING FOR \"a\"\"b\" SERVER old;\n"
        );
    }

    #[test]
    fn a_map_is_checked() {
        assert!(role_pair("ab").is_err() && role_pair("=b").is_err() && role_pair("a=").is_err());
        assert_eq!(role_pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(mapped(&[("a", "b"), ("c", "b")]).check().is_ok());
        assert!(mapped(&[("a", "b"), ("a", "c")]).check().is_err());
    }
}
