//! Checks that no query alone can make: a file each, and the table that finds them by id.

mod conn_same_cluster;
mod conn_tls;
mod db_encoding;
mod db_locale_missing;
mod db_locale_provider;
mod ext_one_database;
mod lim_connections;
mod size_disk;
mod src_platform;
mod src_write_activity;
mod target_contents;
mod tgt_not_empty;
mod tgt_read_only;
mod tgt_role_caps;
mod ver_downgrade;
mod ver_source_min;
mod ver_target_min;

pub(crate) use src_write_activity::written;

use pg_session::Error;

use crate::outcome::Outcome;
use crate::subject::Subject;

/// How code looks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    /// By what is known of both servers from the start.
    Known(fn(&Subject) -> Outcome),
    /// By asking them. An error makes the check Skipped, never Succeeded.
    Asks(fn(&mut Subject) -> Result<Outcome, Error>),
    /// By making the whole schema on the target, which is not the matter of one function.
    Rehearsal,
}

const CODE: &[(&str, Look)] = &[
    ("conn.same_cluster", Look::Asks(conn_same_cluster::run)),
    ("conn.tls", Look::Known(conn_tls::run)),
    ("db.encoding", Look::Known(db_encoding::run)),
    ("db.locale_missing", Look::Asks(db_locale_missing::run)),
    ("db.locale_provider", Look::Asks(db_locale_provider::run)),
    ("ext.one_database", Look::Asks(ext_one_database::run)),
    ("lim.connections", Look::Known(lim_connections::run)),
    ("schema.rehearsal", Look::Rehearsal),
    ("size.disk", Look::Asks(size_disk::run)),
    ("src.platform", Look::Known(src_platform::run)),
    ("src.write_activity", Look::Asks(src_write_activity::run)),
    ("tgt.not_empty", Look::Asks(tgt_not_empty::run)),
    ("tgt.read_only", Look::Known(tgt_read_only::run)),
    ("tgt.role_caps", Look::Asks(tgt_role_caps::run)),
    ("ver.downgrade", Look::Known(ver_downgrade::run)),
    ("ver.source_min", Look::Known(ver_source_min::run)),
    ("ver.target_min", Look::Known(ver_target_min::run)),
];

/// The code of a check.
pub(crate) fn of(id: &str) -> Option<Look> {
    let found = CODE.iter().find(|(name, _)| *name == id);
    found.map(|(_, look)| *look)
}
