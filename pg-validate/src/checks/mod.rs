//! The checks, as data: one file each below `checks/`, listed in `list.rs`. A new check is a
//! file and a line there. The SQL of a file runs in psql as it stands, but for what the other
//! server has said (`$1`, a text[]) and the name that the database will have on the target
//! (`$2`).

mod condition;
mod list;
mod paper;
mod text;

use pg_pipe::Failure;
use pg_pipe::record::CheckLevel;

pub(crate) use condition::{Condition, Situation};
pub(crate) use paper::explain;

use crate::code::Look;
use crate::outcome::{Fix, Severity};

/// One check.
#[derive(Debug)]
pub(crate) struct Check {
    /// Stable id, such as `ext.missing`.
    pub(crate) id: &'static str,
    /// What is right when it succeeds; of a check that only informs, what it looks for.
    pub(crate) title: String,
    /// Instance or database.
    pub(crate) level: CheckLevel,
    /// How it looks.
    pub(crate) looks: Looks,
    /// When it has something to look for.
    pub(crate) applies: Condition,
    /// What a finding means: the first whose condition holds. The last has none.
    pub(crate) severities: Vec<(Condition, Severity)>,
    /// SQLSTATE by which the target says that it cannot do what all that the source has needs.
    pub(crate) refused: Option<&'static str>,
    /// The finding in one sentence, with places to be filled.
    pub(crate) message: String,
    /// Why it matters.
    pub(crate) why: String,
    /// SQL that mends it as a whole, where rows have none of their own.
    pub(crate) fix: Option<Fix>,
    /// The code of Azure's own validation for the same thing.
    pub(crate) azure: Option<u32>,
    /// Page of PostgreSQL's manual, or an address.
    pub(crate) manual: Option<&'static str>,
    /// Parts of messages by which a server refuses a statement for what this check looks for.
    pub(crate) explains: Vec<&'static str>,
    /// Queries, in the order in which they are asked.
    pub(crate) steps: Vec<Step>,
}

/// How a check looks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Looks {
    /// By its queries: what they give is what is wrong.
    Sql,
    /// By its queries, which give queries that read data: with `--deep` only.
    Deep,
    /// By code.
    Code(Look),
}

/// A query of a check.
#[derive(Debug)]
pub(crate) struct Step {
    /// Who is asked.
    pub(crate) place: Place,
    /// First major version that it is for.
    pub(crate) from: Option<u32>,
    /// First major version that it is not for any more.
    pub(crate) before: Option<u32>,
    /// The query.
    pub(crate) sql: &'static str,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// The source, in the database that is migrated.
    Source,
    /// The target.
    Target,
    /// Both, each for itself.
    Each,
}

/// All checks, in the order in which they run.
///
/// # Errors
/// When a file is not written as it should be, which a test rules out.
pub(crate) fn all() -> Result<Vec<Check>, Failure> {
    list::TEXTS
        .iter()
        .map(|text| text::read(text).map_err(Failure::bug))
        .collect()
}

impl Check {
    /// What a finding means where nothing else is said.
    pub(crate) fn severity(&self, situation: &Situation) -> Severity {
        self.severities
            .iter()
            .find(|(condition, _)| condition.holds(situation))
            .map_or(Severity::Warning, |(_, severity)| *severity)
    }

    /// Whether it never does more than inform, unless a row says so.
    pub(crate) fn informs(&self) -> bool {
        let mut severities = self.severities.iter();
        severities.all(|(_, severity)| *severity == Severity::Info)
    }

    /// Where to read on.
    pub(crate) fn manual_address(&self) -> Option<String> {
        let page = self.manual?;
        Some(if page.starts_with("https:") {
            page.to_owned()
        } else {
            format!("https://www.postgresql.org/docs/current/{page}.html")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_can_be_read_and_ids_are_unique() {
        let checks = all().unwrap();
        let ids: BTreeSet<&str> = checks.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), checks.len());
        for check in &checks {
            let id = check.id;
            assert!(
                !check.title.ends_with('.') && check.why.ends_with('.'),
                "{id}"
            );
            let (last, _) = check.severities.last().unwrap();
            assert!(last.is_always(), "{id}: the last severity has a condition");
            let is_code = matches!(check.looks, Looks::Code(_));
            assert_eq!(is_code, check.steps.is_empty(), "{id}");
            assert_eq!(is_code, check.message.is_empty(), "{id}");
        }
    }

    #[test]
    fn every_file_is_in_the_list_under_the_name_of_its_check() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checks");
        let mut files = BTreeSet::new();
        for level in ["instance", "database"] {
            for entry in std::fs::read_dir(folder.join(level)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                files.insert(format!("{level}/{name}"));
            }
        }
        let listed: BTreeSet<String> = all()
            .unwrap()
            .iter()
            .map(|check| {
                let level = match check.level {
                    CheckLevel::Instance => "instance",
                    CheckLevel::Database => "database",
                };
                format!("{level}/{}.sql", check.id.replace('.', "_"))
            })
            .collect();
        assert_eq!(files, listed);
    }
}
