//! Which checks run: what `--only` and `--skip` mean.

use pg_pipe::Failure;

use crate::args::Args;
use crate::checks::{CHECKS, Check};

/// What is done with a check that was chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Choice {
    /// It runs.
    Run,
    /// It is reported as left out.
    LeaveOut,
}

/// The checks to report, in their order.
///
/// # Errors
/// When an id does not exist.
pub(crate) fn choose(args: &Args) -> Result<Vec<(&'static Check, Choice)>, Failure> {
    for id in args.only.iter().chain(&args.skip) {
        if !CHECKS.iter().any(|check| check.id == id) {
            return Err(unknown(id));
        }
    }
    let has = |ids: &[String], check: &Check| ids.iter().any(|id| id == check.id);
    Ok(CHECKS
        .iter()
        .copied()
        .filter(|check| args.only.is_empty() || has(&args.only, check))
        .map(|check| {
            let choice = if has(&args.skip, check) {
                Choice::LeaveOut
            } else {
                Choice::Run
            };
            (check, choice)
        })
        .collect())
}

fn unknown(id: &str) -> Failure {
    let ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
    Failure::usage(format!("there is no check {id:?}"))
        .hint(format!("The checks are: {}.", ids.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn chosen(args: &[&str]) -> Result<Vec<(&'static str, Choice)>, Failure> {
        let args = Args::parse_from([&["pg-validate"], args].concat());
        Ok(choose(&args)?
            .into_iter()
            .map(|(check, choice)| (check.id, choice))
            .collect())
    }

    #[test]
    fn all_checks_run_unless_told_otherwise() {
        assert_eq!(chosen(&[]).unwrap().len(), CHECKS.len());
    }

    #[test]
    fn only_and_skip_take_lists_and_keep_the_order() {
        let ids = chosen(&["--only", "role.missing,conn.tls", "--skip", "conn.tls"]).unwrap();
        assert_eq!(
            ids,
            [
                ("conn.tls", Choice::LeaveOut),
                ("role.missing", Choice::Run)
            ]
        );
    }

    #[test]
    fn an_id_that_does_not_exist_is_refused() {
        let failure = chosen(&["--only", "nix"]).unwrap_err();
        assert!(failure.to_string().contains("nix"));
        assert!(
            failure
                .diagnosis()
                .hint
                .as_deref()
                .unwrap()
                .contains("ext.missing")
        );
    }
}
