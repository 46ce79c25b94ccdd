//! What a filtered dump lacks: pg_dump forgets what depends on things that its filters leave
//! out, so the catalog is asked.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::record::Object;
use pg_session::{Error, Session};

use crate::FILTERED;

const GAPS: &str = include_str!("sql/gap_list.sql");

/// Catalog and OID of what an entry of the archive is about.
pub(crate) type Identity = (u32, u32);

/// Notes in the objects that need something which is not in the dump that it is missing.
///
/// # Errors
/// What the server says.
pub(crate) fn note(
    session: &mut Session,
    objects: &mut [Object],
    identities: &BTreeMap<i64, Identity>,
) -> Result<(), Error> {
    let (classes, oids): (Vec<u32>, Vec<u32>) = identities.values().copied().unzip();
    let open: BTreeSet<Identity> = session
        .query(GAPS, &[&classes, &oids])?
        .iter()
        .map(|row| (row.get("class"), row.get("object")))
        .collect();
    for object in objects {
        let identity = identities.get(&object.id);
        if identity.is_some_and(|identity| open.contains(identity)) {
            object.depends_on.push(FILTERED);
        }
    }
    Ok(())
}
