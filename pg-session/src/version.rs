//! Server versions and what they can do, by name. No other file knows a version number.

use std::fmt;

/// `server_version_num`, such as 150008.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ServerVersion(pub u32);

impl ServerVersion {
    /// The oldest source that can be copied: those before have other catalogs.
    pub const OLDEST_SOURCE: Self = Self(100_000);
    /// The oldest target that we load: the oldest that Azure offers.
    pub const OLDEST_TARGET: Self = Self(120_000);

    /// The first version of a major one.
    pub fn of_major(major: u32) -> Self {
        Self(major.saturating_mul(10_000))
    }

    /// The major version: 15 for 15.8, 9 for 9.6.
    pub fn major(self) -> u32 {
        self.0 / 10_000
    }

    /// `hash_array_extended` and its like (11), which the checksum is made of.
    pub fn has_extended_hashes(self) -> bool {
        self.0 >= 110_000
    }

    /// `pg_database.datlocprovider` (15).
    pub fn has_locale_provider(self) -> bool {
        self.0 >= 150_000
    }

    /// `pg_database.datlocale` (17; `daticulocale` in 15 and 16).
    pub fn has_database_locale(self) -> bool {
        self.0 >= 170_000
    }

    /// `pg_database.daticurules` (16).
    pub fn has_icu_rules(self) -> bool {
        self.0 >= 160_000
    }

    /// NOT VALID foreign keys on partitioned tables (18).
    pub fn has_open_keys_on_partitioned(self) -> bool {
        self.0 >= 180_000
    }

    /// ANALYZE ONLY, which leaves the partitions of a table alone (18).
    pub fn has_analyze_only(self) -> bool {
        self.0 >= 180_000
    }

    /// NOT NULL as a constraint of its own, local or inherited (18).
    pub fn has_not_null_constraints(self) -> bool {
        self.0 >= 180_000
    }

    /// `run_as_owner` of a subscription (16).
    pub fn has_subscription_owner_option(self) -> bool {
        self.0 >= 160_000
    }

    /// `pg_restore_relation_stats` and its like (18), which pg_dump 18 writes.
    pub fn restores_statistics(self) -> bool {
        self.0 >= 180_000
    }

    /// `pg_stat_progress_copy` (14).
    pub fn shows_copy_progress(self) -> bool {
        self.0 >= 140_000
    }

    /// Scans of ranges of ctid that read no more than those (14).
    pub fn has_tid_range_scans(self) -> bool {
        self.0 >= 140_000
    }

    /// BUFFER_USAGE_LIMIT of VACUUM (16). Without it VACUUM has 256 kB of buffers, and waits for
    /// the disk with each page that it freezes: 3 s instead of half a second for 200 MB.
    pub fn has_buffer_usage_limit(self) -> bool {
        self.0 >= 160_000
    }

    /// Intervals that are infinite (17).
    pub fn has_infinite_intervals(self) -> bool {
        self.0 >= 170_000
    }

    /// INHERIT and SET options of a membership (16).
    pub fn has_membership_options(self) -> bool {
        self.0 >= 160_000
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 100_000 {
            write!(formatter, "{}.{}", self.0 / 10_000, self.0 % 10_000)
        } else {
            let (major, minor) = (self.0 / 10_000, self.0 / 100 % 100);
            write!(formatter, "{major}.{minor}.{}", self.0 % 100)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_as_the_server_writes_them() {
        assert_eq!(ServerVersion(150_008).to_string(), "15.8");
        assert_eq!(ServerVersion(90_624).to_string(), "9.6.24");
    }
}
