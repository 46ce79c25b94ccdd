//! What is typed on the command line of `pg-probe`.

use std::time::Duration;

use pg_pipe::{Standing, StreamOperand};
use pg_session::args::{SourceArgs, TargetArgs};

/// Test the way to both servers and report what they are
///
/// Resolves, connects, agrees on TLS, authenticates and looks around, on each side that is
/// given, both at once; says for each step how long it took and what to change when it fails.
/// Changes nothing on either side.
#[derive(Clone, Debug, clap::Parser)]
pub struct Args {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Measure how fast rows go, too, for so long each way
    ///
    /// From the source to here, from here to the target, and through; with one side given, its
    /// own way only. Rows of 1 kB are generated: no table is read. The target takes them into
    /// a temporary table in a transaction that is rolled back, so nothing stays and next to
    /// nothing is written to WAL; for the time it takes space on its disk, 1 GiB at most. From
    /// the way through and the sizes of the databases comes the time that a copy with one job
    /// would take, before indexes.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) throughput: Option<Duration>,
    /// List the provider's databases and templates, too
    ///
    /// Without it, those that somebody may want to migrate: neither templates nor databases
    /// that take no connections nor the provider's own, such as rdsadmin or azure_sys.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) standing: Standing,
    #[command(flatten)]
    pub(crate) operand: StreamOperand,
}

/// The longest that may be measured: a day.
const MOST_SECONDS: f64 = 86_400.0;

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds: &f64| *seconds > 0.0 && *seconds <= MOST_SECONDS)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "a number of seconds is needed, such as 5 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_have_a_fraction_and_are_more_than_none() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("10"), Ok(Duration::from_secs(10)));
        for wrong in ["0", "-1", "NaN", "inf", "1e300", "1e-300", "", "5s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
