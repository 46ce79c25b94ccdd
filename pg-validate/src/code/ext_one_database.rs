//! `ext.one_database`: `pg_cron` lives in one database of a server, by that database's name. A
//! staging database has another one, so that the database has to be loaded in place.

use pg_pipe::record::Side;
use pg_session::{Error, quote};

use crate::outcome::Outcome;
use crate::subject::Subject;

const HAS: &str = "select from pg_extension where extname = 'pg_cron'";

/// Its default where the library is not loaded, and the parameter not known.
const HOME: &str = "select coalesce(current_setting('cron.database_name', true), 'postgres')";

pub(super) fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    if subject.source.session.query_opt(HAS, &[])?.is_none() {
        return Ok(Outcome::fine(
            "no extension lives in one database of its server",
        ));
    }
    let home: String = subject.target.session.query_one(HOME, &[])?.get(0);
    Ok(judge(&home, subject.final_database(), subject.into_new))
}

fn judge(home: &str, database: &str, into_new: bool) -> Outcome {
    let shown = quote::shown(home);
    let failed = |message: String| Outcome::failed(message).objects(vec!["pg_cron".to_owned()]);
    if home != database {
        return failed(format!(
            "pg_cron can be made in database {shown} of the target only, and not in {}",
            quote::shown(database)
        ))
        .fix_on(
            Side::Target,
            format!(
                "alter system set cron.database_name = {}; -- then restart",
                quote::literal(database)
            ),
        );
    }
    if into_new {
        return failed(format!(
            "pg_cron can be made in database {shown} of the target only, and not in a new one that \
             is renamed to it: begin the migration with --in-place"
        ));
    }
    Outcome::fine(format!("pg_cron lives in {shown} of the target"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckStatus;

    #[test]
    fn only_the_database_itself_can_have_it() {
        assert_eq!(judge("d", "d", false).status, CheckStatus::Succeeded);
        let renamed = judge("d", "d", true);
        assert_eq!(renamed.status, CheckStatus::Failed);
        assert!(
            renamed.message.contains("--in-place"),
            "{}",
            renamed.message
        );
        let fix = judge("postgres", "it's", false).fix().unwrap();
        assert!(fix.contains("'it''s'"), "{fix}");
    }
}
