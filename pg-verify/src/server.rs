//! One side while it is compared: how to reach it, and the session that holds its snapshot.

use std::collections::BTreeMap;

use anyhow::Context as _;
use pg_pipe::Context;
use pg_pipe::record::{Method, Side};
use pg_pipe::stop::{Registered, Stop};
use pg_session::catalog::{LEDGER_SCHEMA, list_relations, list_routed, list_sequences};
use pg_session::checksum::{RowHash, check_known_answer, is_hashed_by};
use pg_session::endpoint::environment;
use pg_session::session::Facts;
use pg_session::settings::application_name;
use pg_session::snapshot::{self, SnapshotId};
use pg_session::{Endpoint, Purpose, RelationName, Role, Session, Wire, resolve};

use crate::args::{Args, Way};
use crate::known::Known;
use crate::plan::{Columns, Listing};
use crate::reading::{Job, Reader, Reading};

const GENERATED: &str = include_str!("sql/generated_columns.sql");
const IDENTITY: &str = include_str!("sql/server_identity.sql");

/// One side, with the session that holds its snapshot. The snapshot ends when this is
/// dropped.
pub(crate) struct Server {
    role: Role,
    endpoint: Endpoint,
    application_name: String,
    holder: Session,
    snapshot: SnapshotId,
    is_hashed: bool,
    method: Method,
    stop: Stop,
    _canceled_on_stop: Registered,
}

/// Where a side is, by flag, stream or environment. On the target of a migration it is the
/// database that is being loaded.
///
/// # Errors
/// When nothing says where it is, or what says so does not parse.
pub(crate) fn locate(
    role: Role,
    args: &Args,
    known: &Known,
    context: &Context,
) -> anyhow::Result<Endpoint> {
    let side = side(role);
    let flag = flag(role, args);
    let conninfo = known.head.conninfo(side, flag);
    let left_behind = known.head.password_from(side, flag);
    let endpoint = resolve(role, conninfo.as_deref())?
        .password_left_behind(left_behind)
        .telling(context.teller());
    Ok(match (role, known.head.staging()) {
        (Role::Target, Some(staging)) => endpoint.with_database(staging),
        _ => endpoint,
    })
}

/// Whether anything says where a side is.
pub(crate) fn is_given(role: Role, args: &Args, known: &Known) -> bool {
    known.head.conninfo(side(role), flag(role, args)).is_some()
        || environment(role.variable()).is_some()
}

fn side(role: Role) -> Side {
    match role {
        Role::Source => Side::Source,
        Role::Target => Side::Target,
    }
}

fn flag(role: Role, args: &Args) -> Option<&str> {
    match role {
        Role::Source => args.source.source.as_deref(),
        Role::Target => args.target.target.as_deref(),
    }
}

impl Server {
    /// Connects, looks whether the server computes our checksum, and takes a snapshot.
    ///
    /// # Errors
    /// What the server, or the way to it, says.
    pub(crate) fn open(
        endpoint: Endpoint,
        migration: Option<&str>,
        way: Way,
        context: &Context,
    ) -> anyhow::Result<Self> {
        let role = endpoint.role();
        let application_name = application_name(migration, context.tool());
        let mut holder = endpoint.connect(Purpose::Read, &application_name)?;
        let cancel = holder.cancel();
        let canceled_on_stop = context.stop().on_request(move || cancel.fire());
        let is_hashed = is_hashed_by(&mut holder)
            .and_then(|is_hashed| match way {
                Way::Server if !is_hashed => check_known_answer(&mut holder).map(|()| true),
                _ => Ok(is_hashed),
            })
            .with_context(|| format!("cannot verify the {role}"))?;
        let method = match way {
            Way::Auto | Way::Server if is_hashed => Method::Server,
            Way::Auto | Way::Server | Way::Stream => Method::Stream,
        };
        let snapshot = snapshot::export(&mut holder)
            .with_context(|| format!("cannot take a snapshot of the {role}"))?;
        let facts = holder.facts();
        context.notice().detail(&format!(
            "{role}: {endpoint}, PostgreSQL {}, {}, snapshot {}, rows are hashed {}",
            facts.version,
            facts.encoding,
            snapshot.0,
            if method == Method::Stream {
                "here"
            } else {
                "there"
            }
        ));
        Ok(Self {
            role,
            endpoint,
            application_name,
            holder,
            snapshot,
            is_hashed,
            method,
            stop: context.stop().clone(),
            _canceled_on_stop: canceled_on_stop,
        })
    }

    /// Lists what the database holds, our own ledger on a target left out.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn list(&mut self) -> anyhow::Result<Listing> {
        let without: &[&str] = match self.role {
            Role::Source => &[],
            Role::Target => &[LEDGER_SCHEMA],
        };
        let relations = list_relations(&mut self.holder, without)
            .with_context(|| format!("cannot list the tables of the {}", self.role))?;
        let sequences = list_sequences(&mut self.holder, without)
            .with_context(|| format!("cannot list the sequences of the {}", self.role))?;
        Ok(Listing {
            relations,
            generated: self.generated_columns()?,
            sequences,
        })
    }

    /// Partitions whose rows the other side may have in others, with the table that they are
    /// compared in.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn routes(&mut self) -> anyhow::Result<BTreeMap<RelationName, RelationName>> {
        list_routed(&mut self.holder)
            .with_context(|| format!("cannot list the partitions of the {}", self.role))
    }

    fn generated_columns(&mut self) -> anyhow::Result<BTreeMap<RelationName, Columns>> {
        let rows = self
            .holder
            .query(GENERATED, &[])
            .with_context(|| format!("cannot list the columns of the {}", self.role))?;
        let mut generated: BTreeMap<RelationName, Columns> = BTreeMap::new();
        for row in rows {
            let table =
                RelationName::new(row.get::<_, String>("schema"), row.get::<_, String>("name"));
            generated
                .entry(table)
                .or_default()
                .insert(row.get("column"), row.get("definition"));
        }
        Ok(generated)
    }

    /// What two servers share only when they are the same database.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn identity(&mut self) -> anyhow::Result<String> {
        let row = self
            .holder
            .query_one(IDENTITY, &[])
            .with_context(|| format!("cannot tell which database the {} is", self.role))?;
        Ok(row.get("identity"))
    }

    /// Which side it is.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// What its sessions call themselves.
    pub(crate) fn application_name(&self) -> &str {
        &self.application_name
    }

    /// How its rows are checksummed.
    pub(crate) fn method(&self) -> Method {
        self.method
    }

    /// The hash that it has for rows while those that differ are looked for.
    pub(crate) fn row_hash(&self) -> RowHash {
        if self.is_hashed {
            RowHash::Checksum
        } else {
            RowHash::Md5
        }
    }

    /// Reads something in the snapshot's own session.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn read(&mut self, job: &Job) -> anyhow::Result<Reading> {
        let mut wire = self.opener().wire(&self.holder)?;
        let cancel = wire.as_ref().map(Wire::cancel);
        let _canceled_on_stop = cancel.map(|cancel| self.stop.on_request(move || cancel.fire()));
        job.read(&mut Reader {
            session: &mut self.holder,
            wire: wire.as_mut(),
        })
    }

    /// The session that holds the snapshot, in its transaction.
    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.holder
    }

    /// Where it is, without the password.
    pub(crate) fn place(&self) -> String {
        self.endpoint.to_string()
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Ends the snapshot and takes a new one.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn renew(&mut self) -> anyhow::Result<()> {
        self.holder.batch("rollback")?;
        self.snapshot = snapshot::export(&mut self.holder)
            .with_context(|| format!("cannot take a new snapshot of the {}", self.role))?;
        Ok(())
    }

    /// What is known of the server from the start.
    pub(crate) fn facts(&self) -> &Facts {
        self.holder.facts()
    }

    /// What another thread needs to open sessions on the same snapshot.
    pub(crate) fn opener(&self) -> Opener {
        Opener {
            endpoint: self.endpoint.clone(),
            application_name: self.application_name.clone(),
            snapshot: self.snapshot.clone(),
            method: self.method,
        }
    }
}

/// Does something in a session's transaction that leaves nothing behind: neither a lock, nor,
/// when it fails, a transaction that takes no more statements.
///
/// # Errors
/// Those of the work.
pub(crate) fn undisturbed<T>(
    session: &mut Session,
    work: impl FnOnce(&mut Session) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    session.batch("savepoint undisturbed")?;
    let result = work(session);
    match session.batch("rollback to savepoint undisturbed; release savepoint undisturbed") {
        Ok(()) => result,
        // The first error is the one to tell.
        Err(error) => result.and(Err(error.into())),
    }
}

/// Opens sessions on the snapshot of a [`Server`].
pub(crate) struct Opener {
    endpoint: Endpoint,
    application_name: String,
    snapshot: SnapshotId,
    method: Method,
}

impl Opener {
    /// Which side it is.
    pub(crate) fn role(&self) -> Role {
        self.endpoint.role()
    }

    /// A session, not in a transaction yet.
    ///
    /// # Errors
    /// What the server, or the way to it, says.
    pub(crate) fn connect(&self) -> Result<Session, pg_session::Error> {
        self.endpoint.connect(Purpose::Read, &self.application_name)
    }

    /// A wire beside a session, in a transaction on the snapshot, where rows are streamed.
    ///
    /// # Errors
    /// What the server, or the way to it, says.
    pub(crate) fn wire(&self, session: &Session) -> Result<Option<Wire>, pg_session::Error> {
        if self.method != Method::Stream {
            return Ok(None);
        }
        let name = &self.application_name;
        let mut wire = self.endpoint.wire(session.way(), Purpose::Read, name)?;
        snapshot::adopt_on_wire(&mut wire, &self.snapshot)?;
        Ok(Some(wire))
    }

    /// Begins the session's transaction on the snapshot.
    ///
    /// # Errors
    /// What the server says, such as that the holder is gone.
    pub(crate) fn adopt(&self, session: &mut Session) -> Result<(), pg_session::Error> {
        snapshot::adopt(session, &self.snapshot)
    }
}
