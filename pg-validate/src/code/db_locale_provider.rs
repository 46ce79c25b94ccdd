//! `db.locale_provider`: a source database whose locale comes from ICU or from PostgreSQL
//! itself, and a target that does not know that provider. Where the target database exists
//! already, `db.locale_missing` compares the two.

use pg_session::{Error, ServerVersion};

use crate::outcome::Outcome;
use crate::subject::Subject;

const LOCALE: &str = include_str!("database_locale.sql");

pub(super) fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    if !subject.into_new {
        return Ok(Outcome::fine("the target database exists already"));
    }
    let source = subject.source.session.query_one(LOCALE, &[])?;
    let target = subject.target.session.query_one(LOCALE, &[])?;
    let provider: String = source.get("provider");
    let wanted = Wanted {
        provider: &provider,
        icu_rules: source.get("has_icu_rules"),
    };
    let version = subject.target.session.version();
    Ok(match lack(&wanted, version, target.get("has_icu")) {
        Some(lack) => Outcome::failed(format!(
            "the source database's locale is of {provider}: {lack}"
        )),
        None => Outcome::fine(format!("the target knows {provider} locales")),
    })
}

struct Wanted<'a> {
    provider: &'a str,
    icu_rules: bool,
}

fn lack(wanted: &Wanted<'_>, target: ServerVersion, has_icu: bool) -> Option<&'static str> {
    match wanted.provider {
        "icu" if !target.has_locale_provider() => {
            Some("the target is too old for a database with an ICU locale")
        }
        "icu" if !has_icu => Some("the target was built without ICU"),
        "icu" if wanted.icu_rules && !target.has_icu_rules() => {
            Some("it has ICU rules, for which the target is too old")
        }
        // The builtin provider came together with pg_database.datlocale.
        "builtin" if !target.has_database_locale() => {
            Some("the target is too old for the builtin provider")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_must_exist_on_the_target() {
        let lacks = |provider, icu_rules, version, has_icu| {
            let wanted = Wanted {
                provider,
                icu_rules,
            };
            lack(&wanted, ServerVersion(version), has_icu).is_some()
        };
        assert!(!lacks("libc", false, 120_000, false));
        assert!(lacks("icu", false, 140_000, true));
        assert!(lacks("icu", false, 150_000, false));
        assert!(lacks("icu", true, 150_000, true));
        assert!(!lacks("icu", true, 160_000, true));
        assert!(lacks("builtin", false, 160_000, true));
        assert!(!lacks("builtin", false, 170_000, true));
    }
}
