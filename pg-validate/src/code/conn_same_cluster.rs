//! `conn.same_cluster`: source and target are one and the same database. Overwriting would
//! drop the source.

use pg_session::{Error, Session, quote};

use crate::outcome::Outcome;
use crate::subject::Subject;

pub(super) fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let source = subject.source.attempt(system_identifier)?;
    let target = subject.target.attempt(system_identifier)?;
    let same_server = match (source, target) {
        (Some(source), Some(target)) => source == target,
        // Not told by old servers and some providers; the microsecond of the start is.
        _ => subject.source.facts.started == subject.target.facts.started,
    };
    let same_name = subject.source.facts.database == subject.final_database();
    Ok(judge(same_server, same_name, subject.final_database()))
}

fn judge(same_server: bool, same_name: bool, database: &str) -> Outcome {
    if same_server && same_name {
        Outcome::failed("source and target are the same database of the same server")
            .objects(vec![quote::shown(database)])
    } else if same_server {
        Outcome::fine("the same server, but another database")
    } else {
        Outcome::fine("two servers")
    }
}

fn system_identifier(session: &mut Session) -> Result<String, Error> {
    let sql = "select system_identifier::text from pg_control_system()";
    Ok(session.query_one(sql, &[])?.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckStatus;

    #[test]
    fn only_the_same_database_of_the_same_server_is_refused() {
        assert_eq!(judge(true, true, "shop").status, CheckStatus::Failed);
        assert_eq!(judge(true, false, "shop").status, CheckStatus::Succeeded);
        assert_eq!(judge(false, true, "shop").status, CheckStatus::Succeeded);
    }
}
