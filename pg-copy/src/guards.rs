//! What would notice rows that are copied: triggers, and foreign keys to a table that is to be
//! emptied. There is none before post-data; a table that is copied again after it has them.

use std::collections::{BTreeMap, BTreeSet};

use pg_pipe::Failure;
use pg_session::catalog::{self, Guard};
use pg_session::ledger::Emptying;
use pg_session::{Class, Error, RelationName, Session};

/// What a session says so that triggers and keys take no notice.
pub(crate) const QUIET: &str = "set session_replication_role = replica";

/// The guarded tables of the target.
pub(crate) struct Guards(BTreeMap<RelationName, Guard>);

impl Guards {
    /// Looks at the target.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn read(target: &mut Session) -> Result<Self, Error> {
        catalog::list_guarded(target).map(Self)
    }

    /// How a table is emptied.
    pub(crate) fn emptying(&self, name: &RelationName) -> Emptying {
        match self.0.get(name) {
            Some(guard) if guard.is_referred_to => Emptying::Delete,
            _ => Emptying::Truncate,
        }
    }

    /// Whether sessions that write to some tables must be quiet. `emptied` are those of them
    /// that are emptied first.
    pub(crate) fn are_in_the_way(
        &self,
        written: &BTreeSet<&RelationName>,
        emptied: &BTreeSet<&RelationName>,
    ) -> bool {
        self.0.iter().any(|(name, guard)| {
            guard.is_triggered && written.contains(name)
                || guard.is_referred_to && emptied.contains(name)
        })
    }

    /// Makes a session quiet, if something is in the way.
    ///
    /// # Errors
    /// A conflict (exit 7) when we may not, or when a trigger would fire all the same.
    pub(crate) fn quieten(
        &self,
        target: &mut Session,
        written: &BTreeSet<&RelationName>,
        emptied: &BTreeSet<&RelationName>,
    ) -> anyhow::Result<bool> {
        let is_loud = |name: &&&RelationName| self.0.get(**name).is_some_and(|guard| guard.is_loud);
        if let Some(name) = written.iter().find(is_loud) {
            return Err(Failure::conflict(format!(
                "table {name} of the target has a trigger that fires for copied rows, too"
            ))
            .hint("Disable it (ALTER TABLE … DISABLE TRIGGER) and run the same again; enable it afterwards.")
            .object(name.to_string())
            .into());
        }
        if !self.are_in_the_way(written, emptied) {
            return Ok(false);
        }
        match target.batch(QUIET) {
            Ok(()) => Ok(true),
            Err(error) if error.class() == Class::Privilege => Err(self.refused(written).into()),
            Err(error) => Err(error.into()),
        }
    }

    fn refused(&self, written: &BTreeSet<&RelationName>) -> Failure {
        let name = written.iter().find(|name| self.0.contains_key(**name));
        let name = name.map(ToString::to_string).unwrap_or_default();
        Failure::conflict(format!(
            "table {name} of the target has triggers or foreign keys by now, which rows that are \
             copied again would set off"
        ))
        .hint(
            "Let the target's role set session_replication_role (a superuser can; from 15 on \
             GRANT SET ON PARAMETER lets others), or start over with an empty database.",
        )
        .object(name)
    }
}
