//! The checks: one file each, and [`CHECKS`], the one list, in the order in which they run.
//! A query of a check stands beside it in a `.sql` file of the same name.

mod conn_same_cluster;
mod conn_tls;
mod db_encoding;
mod db_locale_missing;
mod db_locale_provider;
mod db_sql_ascii;
mod ext_missing;
mod ext_version;
mod lim_connections;
mod name_reserved_on_target;
mod role_missing;
mod src_rls_hidden;
mod src_role_select;
mod target_contents;
mod tgt_not_empty;
mod tgt_read_only;
mod tgt_role_caps;
mod ver_downgrade;
mod ver_source_min;
mod ver_target_min;

use pg_pipe::record::CheckLevel;
use pg_session::Error;

use crate::outcome::Outcome;
use crate::subject::Subject;

/// One check.
pub(crate) struct Check {
    /// Stable id.
    pub(crate) id: &'static str,
    /// Instance or database.
    pub(crate) level: CheckLevel,
    /// What it looks at, in one line.
    pub(crate) title: &'static str,
    /// How it looks.
    pub(crate) run: Run,
}

/// How a check looks.
pub(crate) enum Run {
    /// By what is known of both servers from the start.
    Known(fn(&Subject) -> Outcome),
    /// By asking them. An error makes the check Skipped, never Succeeded.
    Asks(fn(&mut Subject) -> Result<Outcome, Error>),
}

/// All checks.
pub(crate) const CHECKS: &[&Check] = &[
    &ver_source_min::CHECK,
    &ver_target_min::CHECK,
    &ver_downgrade::CHECK,
    &conn_same_cluster::CHECK,
    &conn_tls::CHECK,
    &lim_connections::CHECK,
    &tgt_read_only::CHECK,
    &tgt_role_caps::CHECK,
    &tgt_not_empty::CHECK,
    &db_encoding::CHECK,
    &db_sql_ascii::CHECK,
    &db_locale_provider::CHECK,
    &db_locale_missing::CHECK,
    &ext_missing::CHECK,
    &ext_version::CHECK,
    &role_missing::CHECK,
    &src_role_select::CHECK,
    &src_rls_hidden::CHECK,
    &name_reserved_on_target::CHECK,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_titles_are_fragments() {
        let ids: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), CHECKS.len());
        for check in CHECKS {
            assert!(!check.title.ends_with('.'), "{}", check.id);
        }
    }

    #[test]
    fn every_file_is_in_the_list() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checks");
        let ids: BTreeSet<String> = CHECKS
            .iter()
            .map(|check| check.id.replace('.', "_"))
            .collect();
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if let Some(stem) = name.strip_suffix(".rs")
                && !["mod", "target_contents"].contains(&stem)
            {
                assert!(ids.contains(stem), "{stem} is not in CHECKS");
            }
        }
    }
}
