//! What the stream asks for: objects by section, tables, and what upstream said of them.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::Head;
use pg_pipe::record::{Database, ErrorRecord, Object, Record, RoleObject, Scope, Section, Table};
use pg_session::RelationName;

use crate::apply::left_out::Absent;
use crate::apply::statistics::is_statistics;
use crate::leave_out::LeaveOut;

/// What has been read of the stream.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What the flags leave out, whatever the stream says.
    pub(crate) leave_out: LeaveOut,
    /// Migration and endpoints.
    pub(crate) head: Head,
    /// Databases of the source.
    pub(crate) databases: Vec<Database>,
    /// Roles, groups first.
    pub(crate) roles: Vec<RoleObject>,
    /// Names of the roles on the source, by those on the target.
    pub(crate) role_names: BTreeMap<String, String>,
    /// Objects in the order of the stream, which is a dependency order.
    pub(crate) objects: Vec<Object>,
    /// Tables that hold rows, with their bytes.
    pub(crate) tables: BTreeMap<RelationName, i64>,
    /// Tables whose rows are in.
    pub(crate) copied: BTreeSet<RelationName>,
    /// Objects that upstream did not make.
    pub(crate) absent: Absent,
    /// Whether pg-copy is in the pipeline, so that tables without `copied` have failed.
    pub(crate) is_copying: bool,
    /// Whether upstream reported items that failed.
    pub(crate) item_errors: bool,
}

impl Plan {
    /// A plan to be filled.
    pub(crate) fn new(leave_out: &LeaveOut) -> Self {
        Self {
            leave_out: leave_out.clone(),
            ..Self::default()
        }
    }

    /// Notes a record.
    pub(crate) fn note(&mut self, record: Record) {
        self.head.note(&record);
        match record {
            Record::Database(database) => self.databases.push(database),
            Record::Role(role) => {
                let old = role.name.clone();
                let role = self.leave_out.adapt_role(role);
                self.role_names.insert(role.name.clone(), old);
                self.roles.push(role);
            }
            Record::Object(object) => self.objects.extend(self.leave_out.adapt(object)),
            Record::Table(table) => {
                let Table {
                    schema,
                    name,
                    bytes,
                    ..
                } = table;
                self.tables.insert(RelationName::new(schema, name), bytes);
            }
            Record::Copied(copied) => {
                self.copied
                    .insert(RelationName::new(copied.schema, copied.table));
            }
            // What failed later is tried again.
            Record::Applied(applied) if applied.section == Section::PreData => {
                if let Some(id) = applied.id {
                    self.absent.note(id, applied.status);
                }
            }
            Record::Begin(begin) => self.is_copying |= begin.tool == "pg-copy",
            Record::Error(ErrorRecord {
                scope: Scope::Item, ..
            }) => self.item_errors = true,
            _ => {}
        }
    }

    /// The objects of a section, in order; statistics are of none.
    pub(crate) fn section(&self, section: Section) -> impl Iterator<Item = &Object> {
        self.objects
            .iter()
            .filter(move |object| object.section == section && !is_statistics(object))
    }

    /// The source's name of the database that is being moved, which statements about the
    /// database itself name.
    pub(crate) fn source_database(&self) -> Option<&str> {
        self.head
            .migration
            .as_ref()
            .map(|migration| migration.database.as_str())
            .or_else(|| {
                self.objects
                    .iter()
                    .find(|object| object.kind == "DATABASE")
                    .map(|object| object.name.as_str())
            })
    }
}
