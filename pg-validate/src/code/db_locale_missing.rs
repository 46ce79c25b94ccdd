//! `db.locale_missing`: a locale of the source database that the target's system does not
//! have. By hand, where the target database exists already, one that differs.

use pg_pipe::record::Side;
use pg_session::{Error, Session, catalog, quote};

use crate::outcome::Outcome;
use crate::subject::Subject;

const LOCALE: &str = include_str!("database_locale.sql");

/// The server takes only a locale that its system has as a value of `lc_time`. The setting
/// ends with the transaction.
const TRY: &str = "select set_config('lc_time', $1, true)";

const ENCODING: &str = "select current_setting('server_encoding')";

#[derive(Debug, PartialEq)]
struct Locale {
    collate: String,
    ctype: String,
    provider: String,
    name: Option<String>,
}

pub(super) fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let source = read(&mut subject.source.session)?;
    if !subject.into_new {
        let target = read(&mut subject.target.session)?;
        return Ok(compare(&source, &target));
    }
    let mut missing = Vec::new();
    for name in [&source.collate, &source.ctype] {
        let found = subject
            .target
            .attempt(|session| session.query_one(TRY, &[name]))?;
        if found.is_none() && !missing.contains(name) {
            missing.push(name.clone());
        }
    }
    if missing.is_empty() {
        return Ok(Outcome::fine(format!("the target has {}", shown(&source))));
    }
    let encoding = &subject.source.session.query_one(ENCODING, &[])?;
    let encoding: String = encoding.get(0);
    let has = catalog::list_locales(&mut subject.target.session, &source.collate, &encoding)?;
    let outcome = Outcome::failed(format!(
        "the target's system does not have the locale of the source database, so that no \
         database can be created with it; it has {}",
        has.join(", ")
    ));
    let way = way_out(&subject.source.facts.database, &encoding);
    Ok(outcome.objects(missing).fix_on(Side::Target, way))
}

/// What pg-schema-apply says, too, where nobody has validated.
fn way_out(database: &str, encoding: &str) -> String {
    format!(
        "-- Have it made on the target's system (localedef) and its server restarted, or load with ./migrate --in-place \
         after: create database {} template template0 encoding {} locale 'LOCALE'; with one of those as LOCALE.",
        quote::identifier(database),
        quote::literal(encoding)
    )
}

fn read(session: &mut Session) -> Result<Locale, Error> {
    let row = session.query_one(LOCALE, &[])?;
    Ok(Locale {
        collate: row.get("collate"),
        ctype: row.get("ctype"),
        provider: row.get("provider"),
        name: row.get("locale"),
    })
}

/// Two databases that exist: rows fit either way, but sort and compare differently.
fn compare(source: &Locale, target: &Locale) -> Outcome {
    if source == target {
        Outcome::fine(format!("both databases have {}", shown(source)))
    } else {
        Outcome::warning(format!(
            "the source database has {}, the target database {}: text sorts and compares \
             differently there",
            shown(source),
            shown(target)
        ))
    }
}

fn shown(locale: &Locale) -> String {
    let Locale {
        collate,
        ctype,
        provider,
        name,
    } = locale;
    let own = name
        .as_ref()
        .map_or_else(String::new, |name| format!(" {}", quote::literal(name)));
    format!("{provider}{own}, LC_COLLATE {collate}, LC_CTYPE {ctype}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::CheckStatus;

    fn locale(collate: &str) -> Locale {
        Locale {
            collate: collate.to_owned(),
            ctype: "C.UTF-8".to_owned(),
            provider: "libc".to_owned(),
            name: None,
        }
    }

    #[test]
    fn a_database_that_sorts_differently_is_warned_of() {
        let same = compare(&locale("C"), &locale("C"));
        assert_eq!(same.status, CheckStatus::Succeeded);
        let other = compare(&locale("C"), &locale("de_DE.UTF-8"));
        assert_eq!(other.status, CheckStatus::Warning);
    }

    #[test]
    fn the_way_out_names_the_database_and_its_encoding_and_is_one_comment() {
        let way = way_out("my \"db\"\n", "LATIN1");
        let fixed = Outcome::failed("").fix_on(Side::Target, way);
        let fix = fixed.fix().unwrap();
        assert!(
            fix.contains(r#"create database "my ""db"" " template template0 encoding 'LATIN1'"#),
            "{fix}"
        );
        assert_eq!(
            fix.lines().filter(|line| !line.starts_with("--")).count(),
            0,
            "{fix}"
        );
    }
}
