//! Which migration is meant: by name, by name and target, or by its file.

use pg_pipe::Failure;
use pg_pipe::record::Side;
use pg_session::{Role, quote};

use crate::address;
use crate::args::{ChosenArgs, FileArgs};
use crate::history::History;
use crate::journal;
use crate::resolved::Resolved;
use crate::store::{Held, Place, StateDir};

/// A migration with its journal.
pub(crate) struct Chosen {
    pub(crate) place: Place,
    pub(crate) history: History,
    /// Whether old databases may go, by the file; the journal knows otherwise.
    pub(crate) overwrite: Option<bool>,
}

impl Chosen {
    /// Finds the migration that was asked for.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub(crate) fn find(args: &ChosenArgs, state: &StateDir) -> anyhow::Result<Self> {
        if let Some(file) = &args.file {
            let given = FileArgs {
                name: args.name.clone(),
                target_server: args.target_server.clone(),
                ..FileArgs::of(file.clone())
            };
            return Self::of_file(&given, state);
        }
        let name = args.name.as_deref().unwrap_or_default();
        let mut found = Vec::new();
        for place in state.places()? {
            if place.name() != name {
                continue;
            }
            let Some(history) = History::of(journal::read(&place)?) else {
                continue;
            };
            let address = server(&history, Side::Target);
            let wanted = args.target_server.as_deref();
            if wanted.is_none_or(|wanted| address::matches(&address, wanted)) {
                found.push((
                    address,
                    Self {
                        place,
                        history,
                        overwrite: None,
                    },
                ));
            }
        }
        only(found, name, state).map_err(Into::into)
    }

    /// Keeps recorders, `begin`, `finish` and `delete` away from every database.
    ///
    /// # Errors
    /// A conflict when somebody works on one.
    pub(crate) fn hold_all(&self) -> Result<Vec<Held>, Failure> {
        let mut held = Vec::new();
        for (database, _) in self.history.databases() {
            let one = self.place.hold(database)?.ok_or_else(|| {
                let (shown, name) = (quote::shown(database), self.place.name());
                Failure::conflict(format!("somebody works on {shown} of {name}"))
                    .hint("Wait until the pipeline, or another finish, has ended.")
            })?;
            held.push(one);
        }
        Ok(held)
    }

    fn of_file(file: &FileArgs, state: &StateDir) -> anyhow::Result<Self> {
        let resolved = Resolved::read(file)?;
        let place = state.place(&resolved.target_address, &resolved.file.name)?;
        if place.journal().exists()
            && let Some(history) = History::of(journal::read(&place)?)
        {
            return Ok(Self {
                place,
                history,
                overwrite: Some(resolved.file.overwrite),
            });
        }
        Err(unknown(&resolved.file.name, state).into())
    }
}

/// Address of a server of a migration, for people; empty where its journal has none.
pub(crate) fn server(history: &History, side: Side) -> String {
    let role = match side {
        Side::Source => Role::Source,
        Side::Target => Role::Target,
    };
    history
        .endpoint(side)
        .and_then(|endpoint| address::of_conninfo(role, &endpoint.conninfo).ok())
        .unwrap_or_default()
}

fn only(mut found: Vec<(String, Chosen)>, name: &str, state: &StateDir) -> Result<Chosen, Failure> {
    if found.len() > 1 {
        let servers: Vec<&str> = found.iter().map(|(address, _)| address.as_str()).collect();
        return Err(
            Failure::usage(format!("{} targets have a migration {name}", found.len())).hint(
                format!("Add --target-server with one of: {}.", servers.join(" ")),
            ),
        );
    }
    found
        .pop()
        .map(|(_, chosen)| chosen)
        .ok_or_else(|| unknown(name, state))
}

fn unknown(name: &str, state: &StateDir) -> Failure {
    Failure::usage(format!(
        "there is no such migration as {name} in {}",
        state.path().display()
    ))
    .hint("Look with: pg-migstate list")
}
