//! The table of contents of pg_dump's archive as objects. Every entry becomes one, of
//! whatever kind, except those that are not objects: session settings, and data.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read, Seek};

use anyhow::Context as _;
use libpgdump::format::custom;
use libpgdump::{Entry, ObjectType};
use pg_pipe::record::{Object, Section};

use crate::dump::gaps::Identity;
use crate::dump::{attver, owner, sound};

/// Reads an archive. Objects come in pg_dump's order, which is a dependency order; owners
/// follow their objects in the order of the archive. With them comes what each is in the
/// catalog, where it is something by itself.
///
/// # Errors
/// When the archive cannot be read.
pub(crate) fn objects<R: Read + Seek>(
    archive: &mut R,
) -> anyhow::Result<(Vec<Object>, BTreeMap<i64, Identity>)> {
    sound::check(archive)?;
    let dump = custom::read_archive(&mut BufReader::new(archive))
        .context("cannot read the archive of pg_dump")?;
    let next_id = dump
        .entries
        .iter()
        .map(|entry| entry.dump_id)
        .max()
        .unwrap_or(0);
    let mut owners = owner::Owners::after(i64::from(next_id));
    let mut objects = Vec::new();
    let mut late = BTreeSet::new();
    let mut identities = BTreeMap::new();
    for entry in dump.entries.iter().filter(|entry| is_object(entry)) {
        let object = object(entry, &late);
        if object.section == Section::PostData {
            late.insert(entry.dump_id);
        }
        identities.extend(identity(entry).map(|identity| (object.id, identity)));
        objects.push(object);
        owners.note(entry);
    }
    objects.extend(owners.into_objects());
    forget_others(&mut objects);
    Ok((objects, identities))
}

/// Comments, grants and their like are nothing by themselves; pg_dump writes zeros there.
fn identity(entry: &Entry) -> Option<Identity> {
    let number = |text: &str| text.parse().ok().filter(|number| *number != 0);
    Some((number(&entry.table_oid)?, number(&entry.oid)?))
}

/// Takes ids out of dependencies that no object has, such as those of data: an id that is not in
/// the stream then means that somebody took its object out.
fn forget_others(objects: &mut [Object]) {
    let ids: BTreeSet<i64> = objects.iter().map(|object| object.id).collect();
    for object in objects {
        object.depends_on.retain(|id| ids.contains(id));
    }
}

/// Settings of pg_dump's own session are ours to pin; data are pg-copy's.
fn is_object(entry: &Entry) -> bool {
    !matches!(
        entry.desc,
        ObjectType::Encoding
            | ObjectType::StdStrings
            | ObjectType::SearchPath
            | ObjectType::TableData
            | ObjectType::SequenceSet
            | ObjectType::Blobs
            | ObjectType::MaterializedViewData
    )
}

fn object(entry: &Entry, late: &BTreeSet<i32>) -> Object {
    Object {
        id: i64::from(entry.dump_id),
        kind: entry.desc.as_str().to_owned(),
        schema: entry.namespace.clone().filter(|schema| !schema.is_empty()),
        name: entry.tag.clone().unwrap_or_default(),
        owner: entry.owner.clone().filter(|owner| !owner.is_empty()),
        section: section(entry, late),
        access_method: entry.tableam.clone().filter(|method| !method.is_empty()),
        tablespace: entry.tablespace.clone().filter(|space| !space.is_empty()),
        version: None,
        sql: if_not_there(&attver::removed(entry.defn.as_deref().unwrap_or_default())),
        depends_on: entry.dependencies.iter().copied().map(i64::from).collect(),
    }
}

/// Schema public, which every new database has and pg_dump writes all the same when `--schema`
/// names it, is made only where somebody has dropped it; any other statement as it is.
fn if_not_there(sql: &str) -> String {
    match sql.trim_end() {
        "CREATE SCHEMA public;" => "CREATE SCHEMA IF NOT EXISTS public;\n".to_owned(),
        _ => sql.to_owned(),
    }
}

/// pg_restore's three passes: objects, then grants, then what may fire or read everything.
/// Comments and labels have no section of their own: they come with what they are about.
fn section(entry: &Entry, late: &BTreeSet<i32>) -> Section {
    let tag = entry.tag.as_deref().unwrap_or_default();
    match entry.desc {
        ObjectType::Acl | ObjectType::DefaultAcl | ObjectType::DatabaseProperties => Section::Acl,
        ObjectType::EventTrigger | ObjectType::StatisticsData => Section::Final,
        ObjectType::Comment | ObjectType::SecurityLabel if tag.starts_with("EVENT TRIGGER ") => {
            Section::Final
        }
        _ if entry.section == libpgdump::Section::PostData => Section::PostData,
        _ if entry.dependencies.iter().any(|id| late.contains(id)) => Section::PostData,
        _ => Section::PreData,
    }
}
