//! What the stream says of the source's large objects.

use pg_session::checksum::NO_LARGE_OBJECTS;

use crate::known::Known;
use crate::plan::Half;
use crate::reading::{Job, Reading};

/// The source's side of large objects; nothing when the stream does not speak of them and
/// was chosen by hand.
pub(super) fn named_large_objects(known: &Known, can_read: bool) -> Option<Half> {
    let failed = known.large_objects_failed_in();
    let Some(objects) = &known.large_objects else {
        return failed.map(|tool| Half::Unreadable(format!("{tool} failed on them")));
    };
    Some(match (failed, &objects.checksum) {
        (Some(tool), _) => Half::Unreadable(format!("{tool} failed on them")),
        (None, Some(checksum)) => Half::Known(Reading::rows(objects.count, checksum.clone())),
        (None, None) if can_read => Half::Read(Job::LargeObjects),
        (None, None) if objects.count == 0 => {
            Half::Known(Reading::rows(0, NO_LARGE_OBJECTS.to_owned()))
        }
        (None, None) => Half::Unreadable(not_read(can_read).to_owned()),
    })
}

/// Why the source's side of something is not known.
pub(super) fn not_read(can_read: bool) -> &'static str {
    if can_read {
        "it is in the stream, but not on the source any more"
    } else {
        "pg-copy has not read it, and no source is given to read it from"
    }
}
