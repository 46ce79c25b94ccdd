//! `ext.version`: extensions that the target creates in another version. A dump names no
//! version, so the target's default is taken.

use pg_pipe::record::CheckLevel;
use pg_session::{Error, quote};

use super::ext_missing::{self, Extension};
use super::{Check, Run};
use crate::outcome::{Outcome, counted};
use crate::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "ext.version",
    level: CheckLevel::Database,
    title: "the target creates extensions in the source's version",
    run: Run::Asks(run),
};

fn run(subject: &mut Subject) -> Result<Outcome, Error> {
    let installed = ext_missing::list_installed(&mut subject.source.session)?;
    let available = ext_missing::list_available(&mut subject.target.session)?;
    let different = compare(&installed, &available);
    Ok(if different.is_empty() {
        Outcome::fine("no extension of the source gets another version")
    } else {
        let count = counted(different.len(), "extension");
        Outcome::warning(format!("{count} will have another version on the target"))
            .objects(different)
    })
}

/// Those that both have, in different versions; what is missing is told by `ext.missing`.
fn compare(installed: &[Extension], available: &[Extension]) -> Vec<String> {
    installed
        .iter()
        .filter_map(|extension| {
            let other = available
                .iter()
                .find(|other| other.name == extension.name)?;
            (other.version != extension.version).then(|| {
                let version = |of: &Extension| of.version.clone().unwrap_or_default();
                format!(
                    "{} {} (target {})",
                    quote::shown(&extension.name),
                    version(extension),
                    version(other)
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(name: &str, version: &str) -> Extension {
        Extension {
            name: name.to_owned(),
            version: Some(version.to_owned()),
        }
    }

    #[test]
    fn only_extensions_that_both_have_are_compared() {
        let installed = [
            extension("a", "1"),
            extension("b-c", "1"),
            extension("d", "1"),
        ];
        let available = [extension("a", "1"), extension("b-c", "2")];
        assert_eq!(compare(&installed, &available), ["\"b-c\" 1 (target 2)"]);
    }
}
