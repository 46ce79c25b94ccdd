//! `db.encoding`: a target database of another encoding. Characters may not exist there, and
//! bytes are no longer the same. A staging database is created with the source's.

use pg_pipe::record::Side;
use pg_session::quote;

use crate::outcome::Outcome;
use crate::subject::Subject;

pub(super) fn run(subject: &Subject) -> Outcome {
    let source = &subject.source.facts.encoding;
    let target = &subject.target.facts;
    if subject.into_new {
        return Outcome::fine(format!(
            "the database will be created with encoding {source}"
        ));
    }
    judge(source, &target.encoding, &target.database)
}

fn judge(source: &str, target: &str, database: &str) -> Outcome {
    if source == target {
        return Outcome::fine(format!("both databases have encoding {source}"));
    }
    Outcome::failed(format!(
        "the source database has encoding {source}, the target database {target}"
    ))
    .objects(vec![quote::shown(database)])
    .fix_on(
        Side::Target,
        format!(
            "create database {} template template0 encoding {} locale 'C';",
            quote::identifier(&format!("{database}_{}", source.to_lowercase())),
            quote::literal(source)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckStatus;

    #[test]
    fn another_encoding_is_refused_with_the_sql_of_a_fitting_database() {
        assert_eq!(judge("UTF8", "UTF8", "d").status, CheckStatus::Succeeded);
        let outcome = judge("LATIN1", "UTF8", "My DB");
        assert_eq!(outcome.status, CheckStatus::Failed);
        assert!(outcome.fix().unwrap().contains("\"My DB_latin1\""));
    }
}
