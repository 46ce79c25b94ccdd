//! `role.missing`: roles that own or may use something on the source and do not exist on the
//! target.

use pg_pipe::record::CheckLevel;
use pg_session::{Error, quote};

use super::{Check, Run};
use crate::outcome::{Outcome, counted};
use crate::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "role.missing",
    level: CheckLevel::Database,
    title: "the roles that the source database uses exist on the target",
    run: Run::Asks(run),
};

const USED: &str = include_str!("role_missing.sql");

fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let rows = subject.source.session.query(USED, &[])?;
    let used: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    let sql = "select r.rolname::text from pg_roles r where r.rolname = any ($1) order by 1";
    let rows = subject.target.session.query(sql, &[&used])?;
    let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let missing = used
        .iter()
        .filter(|name| !there.contains(name))
        .cloned()
        .collect();
    Ok(judge(missing, subject.target.facts.create_role))
}

fn judge(missing: Vec<String>, may_create: bool) -> Outcome {
    if missing.is_empty() {
        return Outcome::fine("every role that the database uses exists on the target");
    }
    let count = counted(missing.len(), "role");
    let shown = missing.iter().map(|name| quote::shown(name)).collect();
    if may_create {
        return Outcome::warning(format!(
            "{count} of the source will be created on the target, without passwords"
        ))
        .objects(shown);
    }
    let fix: Vec<String> = missing
        .iter()
        .map(|name| format!("create role {};", quote::identifier(name)))
        .collect();
    Outcome::failed(format!(
        "{count} of the source do not exist on the target, and the target role may not create \
         any (CREATEROLE)"
    ))
    .objects(shown)
    .fix(fix.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckStatus;

    #[test]
    fn what_may_be_created_is_only_a_warning() {
        assert_eq!(judge(Vec::new(), false).status, CheckStatus::Succeeded);
        let missing = vec!["app".to_owned(), "A\"b".to_owned()];
        assert_eq!(judge(missing.clone(), true).status, CheckStatus::Warning);
        let failed = judge(missing, false);
        assert_eq!(failed.status, CheckStatus::Failed);
        let fix = "create role \"app\"; create role \"A\"\"b\";";
        assert_eq!(failed.fix.as_deref(), Some(fix));
    }
}
