//! What a filter leaves behind: objects that need something which is not in the stream. Each is
//! tried, as much that is not in the stream is not needed or is there already; what the server
//! cannot make for want of something is left out and told, and what depends on it likewise.

use std::collections::BTreeSet;

use pg_pipe::Context;
use pg_pipe::record::{Applied, AppliedStatus, Object};
use pg_session::{Error, RelationName};

use crate::apply::ledgered;
use crate::apply::plan::Plan;

/// What the server says when something does not exist: a table, function, object, schema or
/// column; a key that a foreign key refers to; a key by which a view groups.
const UNDEFINED: &[&str] = &[
    "42P01", "42883", "42704", "3F000", "42703", "42830", "42803",
];

/// SQLSTATE of an object, such as a role, that does not exist.
const UNDEFINED_OBJECT: &str = "42704";

/// Objects that are not on the target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Absent {
    failed: BTreeSet<i64>,
    left_out: BTreeSet<i64>,
}

impl Absent {
    /// Notes what became of an object. Says whether it is one more that is not there.
    pub(crate) fn note(&mut self, id: i64, status: AppliedStatus) -> bool {
        let is_new = !self.has(id);
        match status {
            AppliedStatus::LeftOut => is_new && self.left_out.insert(id),
            status if status.is_missing() => is_new && self.failed.insert(id),
            _ => false,
        }
    }

    /// Whether an object is not there.
    pub(crate) fn has(&self, id: i64) -> bool {
        self.failed.contains(&id) || self.left_out.contains(&id)
    }

    /// All of them.
    pub(crate) fn ids(&self) -> impl Iterator<Item = i64> {
        self.failed.union(&self.left_out).copied()
    }

    /// What becomes of an object that depends on some of them; `None` when it depends on none.
    pub(crate) fn fate(&self, object: &Object) -> Option<AppliedStatus> {
        let any_in = |ids: &BTreeSet<i64>| object.depends_on.iter().any(|id| ids.contains(id));
        if any_in(&self.failed) {
            Some(AppliedStatus::Skipped)
        } else if any_in(&self.left_out) {
            Some(AppliedStatus::LeftOut)
        } else {
            None
        }
    }
}

/// What the stream lacks.
pub(crate) struct Gaps {
    /// Objects that need, directly or not, something that is not in the stream.
    open: BTreeSet<i64>,
    roles: BTreeSet<String>,
}

impl Gaps {
    /// Of a plan that has been read whole.
    pub(crate) fn of(plan: &Plan) -> Self {
        let own: BTreeSet<i64> = plan.objects.iter().map(|object| object.id).collect();
        let mut open = BTreeSet::new();
        // The stream has a dependency order.
        for object in &plan.objects {
            let is_open = |id: &i64| !own.contains(id) || open.contains(id);
            if object.depends_on.iter().any(is_open) {
                open.insert(object.id);
            }
        }
        Self {
            open,
            roles: plan.roles.iter().map(|role| role.name.clone()).collect(),
        }
    }

    /// Whether an error can come from what the stream lacks.
    pub(crate) fn explain(&self, object: &Object, error: &Error) -> bool {
        let state = error.sqlstate().unwrap_or_default();
        if self.open.contains(&object.id) {
            return UNDEFINED.contains(&state);
        }
        state == UNDEFINED_OBJECT && self.lacks_role(object, error)
    }

    /// Whether it is about a role that is not in the stream: its owner, or one that the server
    /// names, to whom something is granted.
    fn lacks_role(&self, object: &Object, error: &Error) -> bool {
        let message = error.to_string();
        let named = message.split('"').nth(1).unwrap_or_default();
        match object.kind.as_str() {
            "OWNER" | "ACL" | "DEFAULT ACL" | "POLICY" | "USER MAPPING" => {
                message.contains("role") && !self.roles.contains(named)
            }
            _ => false,
        }
    }
}

/// The record of an object that cannot be there because of what it depends on, with a warning
/// that names it; `None` for any other.
pub(crate) fn without(
    object: &Object,
    absent: &Absent,
    plan: &Plan,
    context: &Context,
) -> Option<Applied> {
    match absent.fate(object)? {
        AppliedStatus::LeftOut => {
            let is_cause = |other: &&Object| {
                absent.left_out.contains(&other.id) && object.depends_on.contains(&other.id)
            };
            let cause = plan.objects.iter().find(is_cause);
            let cause = cause.map_or_else(|| "something".to_owned(), ledgered::shown);
            Some(told(
                object,
                format!("it needs {cause}, which is left out"),
                context,
            ))
        }
        _ => Some(skipped(object, context)),
    }
}

/// The record of an object that the server cannot make for want of something, with a warning.
pub(crate) fn record(object: &Object, error: &Error, context: &Context) -> Applied {
    let why = format!("it needs something that is not in the stream: {error}");
    Applied {
        sqlstate: error.sqlstate().map(str::to_owned),
        ..told(object, why, context)
    }
}

fn told(object: &Object, why: String, context: &Context) -> Applied {
    let shown = ledgered::shown(object);
    context
        .notice()
        .warn(&format!("{shown} is left out: {why}"));
    Applied {
        message: Some(why),
        ..ledgered::applied(object, AppliedStatus::LeftOut, 0)
    }
}

/// The record of an object that waits for something that has failed.
pub(crate) fn skipped(object: &Object, context: &Context) -> Applied {
    let shown = ledgered::shown(object);
    context.notice().warn(&format!(
        "{shown} is skipped: something that it depends on failed"
    ));
    Applied {
        message: Some("something that it depends on failed".to_owned()),
        ..ledgered::applied(object, AppliedStatus::Skipped, 0)
    }
}

/// Tables that are left out, so that nobody waits for their rows.
pub(crate) fn tables(plan: &Plan) -> BTreeSet<RelationName> {
    let is_one =
        |object: &&Object| object.kind == "TABLE" && plan.absent.left_out.contains(&object.id);
    plan.objects
        .iter()
        .filter(is_one)
        .map(|object| RelationName::new(object.schema.clone().unwrap_or_default(), &object.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use pg_pipe::record::Section;
    use pg_session::Class;

    use super::*;

    fn object(id: i64, depends_on: &[i64]) -> Object {
        Object {
            id,
            kind: "VIEW".to_owned(),
            schema: None,
            name: id.to_string(),
            owner: None,
            section: Section::PreData,
            access_method: None,
            tablespace: None,
            version: None,
            sql: String::new(),
            depends_on: depends_on.to_vec(),
        }
    }

    #[test]
    fn what_needs_something_that_is_not_in_the_stream_may_be_left_out() {
        let plan = Plan {
            objects: vec![
                object(1, &[]),
                object(2, &[1, 9]),
                object(3, &[2]),
                object(4, &[1]),
            ],
            ..Plan::default()
        };
        let gaps = Gaps::of(&plan);
        assert_eq!(gaps.open, [2, 3].into());
        let error = Error::new(Class::Statement, "no");
        assert!(
            !gaps.explain(&plan.objects[1], &error),
            "not for that reason"
        );
    }

    #[test]
    fn a_failure_counts_more_than_what_is_left_out() {
        let mut absent = Absent::default();
        assert!(absent.note(1, AppliedStatus::LeftOut));
        assert!(absent.note(2, AppliedStatus::Failed));
        assert!(!absent.note(1, AppliedStatus::Failed), "known already");
        assert!(!absent.note(3, AppliedStatus::Applied));
        assert_eq!(absent.fate(&object(4, &[1])), Some(AppliedStatus::LeftOut));
        assert_eq!(
            absent.fate(&object(4, &[1, 2])),
            Some(AppliedStatus::Skipped)
        );
        assert_eq!(absent.fate(&object(4, &[3])), None);
    }
}
