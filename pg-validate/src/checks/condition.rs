//! Conditions of checks: on the versions of both servers, on the target's platform and role,
//! and on how the target database comes about. `target >= 14, not superuser` holds when each of its
//! terms does.

use std::fmt;

use pg_session::ServerVersion;
use pg_session::catalog::platform::Platform;

/// What conditions are about.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one fact of a server, a role or the migration each"
)]
pub(crate) struct Situation {
    /// Version of the source.
    pub(crate) source: ServerVersion,
    /// Version of the target.
    pub(crate) target: ServerVersion,
    /// Platform of the target.
    pub(crate) platform: &'static Platform,
    /// Whether our role on the source is a superuser.
    pub(crate) source_superuser: bool,
    /// Whether our role on the target is a superuser.
    pub(crate) superuser: bool,
    /// Whether the target's own database is loaded, and no new one.
    pub(crate) by_hand: bool,
    /// Whether a database of the same name is to be replaced.
    pub(crate) overwrite: bool,
}

/// Terms that must all hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Condition {
    text: &'static str,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    SourceFrom(u32),
    SourceBefore(u32),
    TargetFrom(u32),
    TargetBefore(u32),
    MajorsDiffer,
    Managed,
    Platform(&'static str),
    SourceSuperuser,
    Superuser,
    NotSuperuser,
    ByHand,
    Overwrite,
}

impl Condition {
    /// Reads a list of terms.
    ///
    /// # Errors
    /// The term that is none.
    pub(crate) fn read(text: &'static str) -> Result<Self, String> {
        let terms = text.split(',').map(|term| read(term.trim()));
        let terms = terms.collect::<Result<_, _>>()?;
        Ok(Self { text, terms })
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, situation: &Situation) -> bool {
        self.terms.iter().all(|term| term.holds(situation))
    }

    /// Whether it holds whatever is the case.
    pub(crate) fn is_always(&self) -> bool {
        self.terms.is_empty()
    }
}

/// As it is written.
impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text)
    }
}

fn read(text: &'static str) -> Result<Term, String> {
    let unknown = || format!("no condition: {text:?}");
    let words: Vec<&'static str> = text.split_whitespace().collect();
    let major = |text: &str| text.parse::<u32>().map_err(|_error| unknown());
    Ok(match words.as_slice() {
        ["source", ">=", version] => Term::SourceFrom(major(version)?),
        ["source", "<", version] => Term::SourceBefore(major(version)?),
        ["target", ">=", version] => Term::TargetFrom(major(version)?),
        ["target", "<", version] => Term::TargetBefore(major(version)?),
        ["majors", "differ"] => Term::MajorsDiffer,
        ["target", "managed"] => Term::Managed,
        ["target", platform] => Term::Platform(platform),
        ["source", "superuser"] => Term::SourceSuperuser,
        ["superuser"] => Term::Superuser,
        ["not", "superuser"] => Term::NotSuperuser,
        ["by", "hand"] => Term::ByHand,
        ["overwrite"] => Term::Overwrite,
        _ => return Err(unknown()),
    })
}

impl Term {
    fn holds(&self, situation: &Situation) -> bool {
        let from = |version: ServerVersion, major: u32| version >= ServerVersion::of_major(major);
        match self {
            Self::SourceFrom(major) => from(situation.source, *major),
            Self::SourceBefore(major) => !from(situation.source, *major),
            Self::TargetFrom(major) => from(situation.target, *major),
            Self::TargetBefore(major) => !from(situation.target, *major),
            Self::MajorsDiffer => situation.source.major() != situation.target.major(),
            Self::Managed => situation.platform.is_managed(),
            Self::Platform(id) => situation.platform.id == *id,
            Self::SourceSuperuser => situation.source_superuser,
            Self::Superuser => situation.superuser,
            Self::NotSuperuser => !situation.superuser,
            Self::ByHand => situation.by_hand,
            Self::Overwrite => situation.overwrite,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use pg_session::catalog::platform;

    /// A superuser's way by hand from 13 to 18.
    pub(crate) fn situation() -> Situation {
        Situation {
            source: ServerVersion::of_major(13),
            target: ServerVersion::of_major(18),
            platform: platform::of_id("self-managed").unwrap(),
            source_superuser: true,
            superuser: true,
            by_hand: true,
            overwrite: false,
        }
    }

    fn holds(text: &'static str, situation: &Situation) -> bool {
        Condition::read(text).unwrap().holds(situation)
    }

    #[test]
    fn each_term_must_hold() {
        let mut here = situation();
        for (text, expected) in [
            ("source < 14", true),
            ("source >= 13", true),
            ("source < 13", false),
            ("target >= 14, source < 14", true),
            ("target < 18", false),
            ("majors differ, superuser", true),
            ("not superuser", false),
            ("target managed", false),
            ("target azure", false),
            ("by hand", true),
            ("overwrite", false),
            ("source superuser", true),
        ] {
            assert_eq!(holds(text, &here), expected, "{text}");
        }
        here.platform = platform::of_id("azure").unwrap();
        assert!(holds("target managed, target azure", &here));
        assert!(Condition::default().holds(&here));
    }

    #[test]
    fn what_is_no_condition_is_named() {
        for text in ["source = 14", "target >= x", ""] {
            assert!(Condition::read(text).unwrap_err().contains(text), "{text}");
        }
    }
}
