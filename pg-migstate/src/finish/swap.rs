//! The swap itself: all renames in one transaction, the old databases dropped after it.

use pg_session::mark::{self, Mark, MarkState};
use pg_session::role_mark;
use pg_session::{Error, Session, quote};

use crate::finish::Finish;
use crate::finish::look::{Swap, in_use};
use crate::membership;

const ROLE_EXISTS: &str = include_str!("sql/role_exists.sql");

/// `object_in_use`: somebody connected between our look and the rename.
const OBJECT_IN_USE: &str = "55006";

/// How often sessions of others are ended before their clients have won.
const TERMINATING: u32 = 4;

impl Finish {
    /// The target's own word that the data were found equal.
    pub(super) fn mark_verified(&mut self) -> anyhow::Result<()> {
        for swap in &self.swaps {
            let due = swap.mark.as_ref();
            let Some(mark) = due.filter(|mark| mark.state == MarkState::Loading) else {
                continue;
            };
            let verified = Mark {
                state: MarkState::Verified,
                ..mark.clone()
            };
            self.session
                .batch(&mark::statement(&swap.staging, &verified))?;
        }
        Ok(())
    }

    /// Renames everything or nothing.
    pub(super) fn swap(&mut self) -> anyhow::Result<()> {
        let swaps: Vec<Swap> = self
            .swaps
            .iter()
            .filter(|swap| swap.is_due())
            .cloned()
            .collect();
        if swaps.is_empty() {
            return Ok(());
        }
        let mut attempts = if self.terminates { TERMINATING } else { 1 };
        let swapped = loop {
            attempts -= 1;
            match self.rename_all(&swaps) {
                // Clients that connect again at once are ended again.
                Err(error) if attempts > 0 && error.sqlstate() == Some(OBJECT_IN_USE) => {
                    self.end_other_sessions()?;
                }
                other => break other,
            }
        };
        match swapped {
            Ok(refused) => {
                for text in refused {
                    self.context.notice().warn(&text);
                }
                Ok(())
            }
            Err(error) if error.sqlstate() == Some(OBJECT_IN_USE) => {
                let sessions = self.other_sessions()?;
                let error = anyhow::Error::from(error);
                Err(if sessions.is_empty() {
                    error
                } else {
                    in_use(&sessions).into()
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The transaction; gives what was refused and does not matter for it.
    fn rename_all(&mut self, swaps: &[Swap]) -> Result<Vec<String>, Error> {
        let hash = self.history.migration.hash.clone();
        self.session.in_transaction("begin", |session| {
            let mut refused = Vec::new();
            for swap in swaps {
                rename(session, swap)?;
                refused.extend(give_to_owner(session, swap)?);
            }
            let marks = swaps.iter().filter_map(|swap| swap.mark.as_ref());
            for role in marks.flat_map(|mark| &mark.granted) {
                refused.extend(membership::take_back(session, role)?);
            }
            refused.extend(keep_roles(session, &hash)?);
            Ok(refused)
        })
    }

    /// Drops what the swap put aside. The mark says that it was us who did.
    pub(super) fn drop_old(&mut self) -> anyhow::Result<()> {
        for swap in self.swaps.iter().filter(|swap| !swap.in_place) {
            let found = mark::read(&mut self.session, &swap.aside)?;
            let ours = found.is_some_and(|mark| {
                mark.state == MarkState::Aside && mark.hash == self.history.migration.hash
            });
            if ours {
                let name = quote::identifier(&swap.aside);
                self.session
                    .batch(&format!("drop database if exists {name}"))?;
            }
        }
        Ok(())
    }
}

/// The old database aside, the new one in its place, with the comment of the source. One that
/// was loaded in place only loses its mark.
fn rename(session: &mut Session, swap: &Swap) -> Result<(), Error> {
    let Some(mark) = &swap.mark else {
        return Ok(());
    };
    let comment = mark.comment.as_deref();
    if swap.in_place {
        return session.batch(&mark::comment_statement(&swap.database, comment));
    }
    let [database, staging, aside] =
        [&swap.database, &swap.staging, &swap.aside].map(|name| quote::identifier(name));
    if swap.has_old {
        let put_aside = Mark {
            state: MarkState::Aside,
            comment: None,
            ..mark.clone()
        };
        session.batch(&format!("alter database {database} rename to {aside}"))?;
        session.batch(&mark::statement(&swap.aside, &put_aside))?;
    }
    session.batch(&format!("alter database {staging} rename to {database}"))?;
    session.batch(&mark::comment_statement(&swap.database, comment))
}

/// Gives the database to the owner that it has on the source, if there is such a role. A
/// refusal does not undo the swap: gives what to tell.
fn give_to_owner(session: &mut Session, swap: &Swap) -> Result<Option<String>, Error> {
    // In place the database was somebody's before.
    let Some(owner) = swap.owner.as_ref().filter(|_| !swap.in_place) else {
        return Ok(None);
    };
    let shown = quote::shown(&swap.database);
    if !session
        .query_one(ROLE_EXISTS, &[owner])?
        .get::<_, bool>("found")
    {
        return Ok(Some(format!(
            "{shown} stays with the migrating role: the target has no role {}",
            quote::shown(owner)
        )));
    }
    let statement = format!(
        "alter database {} owner to {}",
        quote::identifier(&swap.database),
        quote::identifier(owner)
    );
    session.batch("savepoint owner")?;
    match session.batch(&statement) {
        Ok(()) => Ok(None),
        Err(error) if error.class() == pg_session::Class::Privilege => {
            session.batch("rollback to savepoint owner")?;
            Ok(Some(format!(
                "{shown} stays with the migrating role ({error}); run as its administrator: \
                 {statement}"
            )))
        }
        Err(error) => Err(error),
    }
}

/// Roles that the migration made are there to stay: they get the comments that they have on
/// the source. A refusal does not undo the swap.
fn keep_roles(session: &mut Session, hash: &str) -> Result<Vec<String>, Error> {
    let mut refused = Vec::new();
    for (role, mark) in role_mark::list(session, hash)? {
        let statement = role_mark::comment_statement(&role, mark.comment.as_deref());
        session.batch("savepoint comment")?;
        match session.batch(&statement) {
            Ok(()) => {}
            Err(error) if error.class().is_connection() => return Err(error),
            Err(error) => {
                session.batch("rollback to savepoint comment")?;
                refused.push(format!(
                    "role {} keeps our comment ({error}); run: {statement}",
                    quote::shown(&role)
                ));
            }
        }
    }
    Ok(refused)
}
