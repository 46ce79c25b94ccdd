//! Which checks run: what `--only`, `--skip`, `--deep` and `--rehearse` mean.

use pg_pipe::Failure;

use crate::args::Args;
use crate::checks::{Check, Looks};
use crate::code::Look;

/// What is done with a check that was chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Choice {
    /// It runs.
    Run,
    /// It is reported as left out, for a reason.
    LeaveOut(&'static str),
}

/// The checks to report, in their order.
///
/// # Errors
/// When an id does not exist, or a check that is named would not run.
pub(crate) fn choose<'c>(
    args: &Args,
    checks: &'c [Check],
) -> Result<Vec<(&'c Check, Choice)>, Failure> {
    let severities = args.severity.iter().map(|(id, _)| id);
    let named = args.only.iter().chain(&args.skip).chain(severities);
    for id in named.chain(&args.explain) {
        find(checks, id)?;
    }
    let has = |ids: &[String], check: &Check| ids.iter().any(|id| id == check.id);
    let chosen: Vec<(&Check, Choice)> = checks
        .iter()
        .filter(|check| args.only.is_empty() || has(&args.only, check))
        .map(|check| {
            let choice = match check.looks {
                _ if has(&args.skip, check) => Choice::LeaveOut("by --skip"),
                Looks::Deep if !args.deep => Choice::LeaveOut("reads rows, which --deep does"),
                Looks::Code(Look::Rehearsal) if !args.rehearse => {
                    Choice::LeaveOut("makes a scratch database, which --rehearse does")
                }
                _ => Choice::Run,
            };
            (check, choice)
        })
        .collect();
    let is_run = args.explain.is_none() && !args.list;
    if is_run && !args.only.is_empty() {
        refuse_nothing(args, &chosen)?;
    }
    Ok(chosen)
}

/// A check that somebody has named and that would not run must not end as a success.
fn refuse_nothing(args: &Args, chosen: &[(&Check, Choice)]) -> Result<(), Failure> {
    for (check, choice) in chosen {
        let flag = match (choice, check.looks) {
            (Choice::LeaveOut(_), Looks::Deep) => "--deep",
            (Choice::LeaveOut(_), Looks::Code(Look::Rehearsal)) => "--rehearse",
            _ => continue,
        };
        if !args.skip.iter().any(|id| id == check.id) {
            let failure = Failure::usage(format!("check {} does not run without {flag}", check.id));
            return Err(failure.hint(format!("Add {flag}.")));
        }
    }
    if chosen.iter().all(|(_, choice)| *choice != Choice::Run) {
        return Err(Failure::usage("--only and --skip leave no check to run"));
    }
    Ok(())
}

/// The check of an id.
///
/// # Errors
/// When there is none.
pub(crate) fn find<'c>(checks: &'c [Check], id: &str) -> Result<&'c Check, Failure> {
    let found = checks.iter().find(|check| check.id == id);
    found.ok_or_else(|| {
        let family = id.split('.').next().unwrap_or_default();
        let alike: Vec<&str> = checks
            .iter()
            .map(|check| check.id)
            .filter(|known| known.split('.').next() == Some(family))
            .collect();
        let hint = if alike.is_empty() {
            "See pg-validate --list.".to_owned()
        } else {
            format!(
                "Those alike are {}. See pg-validate --list.",
                alike.join(", ")
            )
        };
        Failure::usage(format!("there is no check {id:?}")).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;
    use clap::Parser;

    fn chosen(args: &[&str]) -> Result<Vec<(&'static str, Choice)>, Failure> {
        let args = Args::parse_from([&["pg-validate"], args].concat());
        let checks = checks::all().unwrap();
        Ok(choose(&args, &checks)?
            .into_iter()
            .map(|(check, choice)| (check.id, choice))
            .collect())
    }

    #[test]
    fn what_reads_rows_or_makes_a_database_is_to_be_asked_for() {
        let count = checks::all().unwrap().len();
        let run = |args: &[&str]| {
            let chosen = chosen(args).unwrap();
            assert_eq!(chosen.len(), count);
            chosen
                .iter()
                .filter(|(_, choice)| *choice == Choice::Run)
                .count()
        };
        assert!(run(&[]) < run(&["--deep"]));
        assert_eq!(run(&["--deep", "--rehearse"]), count);
    }

    #[test]
    fn only_and_skip_take_lists_and_keep_the_order() {
        let ids = chosen(&["--only", "role.missing,conn.tls", "--skip", "conn.tls"]).unwrap();
        assert_eq!(
            ids,
            [
                ("conn.tls", Choice::LeaveOut("by --skip")),
                ("role.missing", Choice::Run)
            ]
        );
    }

    #[test]
    fn a_check_that_is_named_and_would_not_run_is_refused() {
        for (args, part) in [
            (["--only", "con.deep_check,conn.tls"].as_slice(), "--deep"),
            (&["--only", "schema.rehearsal"], "--rehearse"),
            (&["--only", "conn.tls", "--skip", "conn.tls"], "no check"),
        ] {
            let failure = chosen(args).unwrap_err();
            assert!(failure.to_string().contains(part), "{failure}");
        }
        chosen(&["--list", "--only", "con.deep_check"]).unwrap();
    }

    #[test]
    fn an_id_that_does_not_exist_is_refused_with_those_alike() {
        for args in [
            ["--only", "ext.nix"],
            ["--severity", "ext.nix=info"],
            ["--explain", "ext.nix"],
        ] {
            let failure = chosen(&args).unwrap_err();
            assert!(failure.to_string().contains("ext.nix"));
            let hint = failure.diagnosis().hint.clone().unwrap();
            assert!(hint.contains("ext.missing"), "{hint}");
        }
    }
}
