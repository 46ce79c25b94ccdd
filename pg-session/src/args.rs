//! Flags for endpoints and connections, spelled alike in all tools.

use std::num::NonZeroUsize;
use std::str::FromStr;

/// The source.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SourceArgs {
    /// Where the data come from: a connection string as psql takes it
    ///
    /// key=value pairs or a URI; an empty string means PG* variables and defaults. Without
    /// the flag: the stream's endpoint record, then $PGMIG_SOURCE. Keep the password out of
    /// it: use $PGMIG_SOURCE_PASSWORD, $PGMIG_SOURCE_PASSWORD_COMMAND or ~/.pgpass.
    #[arg(long, value_name = "CONNINFO")]
    pub source: Option<String>,
}

/// The target.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TargetArgs {
    /// Where the data go: a connection string as psql takes it
    ///
    /// key=value pairs or a URI; an empty string means PG* variables and defaults. Without
    /// the flag: the stream's endpoint record, then $PGMIG_TARGET. Keep the password out of
    /// it: use $PGMIG_TARGET_PASSWORD, $PGMIG_TARGET_PASSWORD_COMMAND or ~/.pgpass.
    #[arg(long, value_name = "CONNINFO")]
    pub target: Option<String>,
}

/// How many connections work at the same time.
#[derive(Clone, Debug, clap::Args)]
pub struct JobsArgs {
    /// Connections that work at the same time, on each side
    ///
    /// As pg_dump's flag of that name. The servers do the work: more than they have
    /// processors gains little.
    #[arg(
        long,
        short,
        value_name = "N",
        default_value = "2",
        env = "PGMIG_JOBS",
        hide_env_values = true
    )]
    pub jobs: NonZeroUsize,
}

/// A size as PostgreSQL's settings have it: `512MB`; kilobytes without a unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Size {
    kilobytes: i64,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "not a size such as 512MB or 2GB".to_owned();
        let text = text.trim();
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
        let number: i64 = number.parse().ok().ok_or_else(wrong)?;
        let factor = match unit.trim() {
            "" | "kB" => 1,
            "MB" => 1 << 10,
            "GB" => 1 << 20,
            "TB" => 1 << 30,
            _ => return Err(wrong()),
        };
        let kilobytes = number.checked_mul(factor).ok_or_else(wrong)?;
        // Nothing that we ask for has a use for less.
        if kilobytes < 1024 {
            return Err("less than 1MB".to_owned());
        }
        Ok(Self { kilobytes })
    }
}

/// Bytes a second, as `20MB/s`, or `20MB` for short.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate(Size);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        text.strip_suffix("/s").unwrap_or(text).parse().map(Self)
    }
}

impl Rate {
    /// Bytes a second.
    pub fn bytes(self) -> u64 {
        u64::try_from(self.0.bytes()).unwrap_or(u64::MAX)
    }
}

impl Size {
    /// In kilobytes, at least 1024.
    pub fn kilobytes(self) -> i64 {
        self.kilobytes
    }

    /// In bytes.
    pub fn bytes(self) -> i64 {
        self.kilobytes.saturating_mul(1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_server_reads_them() {
        let kilobytes = |text: &str| text.parse::<Size>().map(Size::kilobytes);
        assert_eq!(kilobytes("65536"), Ok(65_536));
        assert_eq!(kilobytes("64 MB"), Ok(65_536));
        assert_eq!(kilobytes("2GB"), Ok(2_097_152));
        for wrong in ["", "MB", "12mb", "-1", "9999999999TB", "512"] {
            assert!(kilobytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_is_a_size_a_second() {
        let bytes = |text: &str| text.parse::<Rate>().map(Rate::bytes);
        assert_eq!(bytes("2MB/s"), Ok(2_097_152));
        assert_eq!(bytes("2MB"), Ok(2_097_152));
        assert!(bytes("2MB/min").is_err());
    }
}
