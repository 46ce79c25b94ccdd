//! Both sides, and what is said about them before anything is compared.

use pg_pipe::Context;
use pg_pipe::record::Method;
use pg_session::Role;
use pg_session::checksum::RowHash;

use crate::args::Args;
use crate::known::Known;
use crate::scope::Scope;
use crate::server::{self, Server};

/// Both sides, or the target alone when the stream tells all of the source.
pub(crate) struct Sides {
    /// The source, where it is read.
    pub(crate) source: Option<Server>,
    /// The target.
    pub(crate) target: Server,
}

impl Sides {
    /// Connects to what will be read.
    ///
    /// # Errors
    /// When a side is not given, cannot be reached, or computes no checksum of ours.
    pub(crate) fn open(
        args: &Args,
        known: &Known,
        scope: &Scope,
        context: &Context,
    ) -> anyhow::Result<Self> {
        let hash = known.head.hash();
        let is_given = || server::is_given(Role::Source, args, known);
        let wants_source =
            !known.has_scope() || scope.full || (known.needs_source(scope) && is_given());
        // Both are located before either is connected to: a missing flag costs no login.
        let source = wants_source
            .then(|| server::locate(Role::Source, args, known, context))
            .transpose()?;
        let target = server::locate(Role::Target, args, known, context)?;
        let source = source
            .map(|endpoint| Server::open(endpoint, hash, args.reading.method, context))
            .transpose()?;
        let target = Server::open(target, hash, args.reading.method, context)?;
        Ok(Self { source, target })
    }

    /// Connects to the source after all, to look for rows. Where nothing says where it is they
    /// are not looked for.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(crate) fn open_source(
        &mut self,
        args: &Args,
        known: &Known,
        context: &Context,
    ) -> anyhow::Result<()> {
        if server::is_given(Role::Source, args, known) {
            let endpoint = server::locate(Role::Source, args, known, context)?;
            let (hash, way) = (known.head.hash(), args.reading.method);
            self.source = Some(Server::open(endpoint, hash, way, context)?);
        } else {
            context
                .notice()
                .note("the rows that differ are not looked for: no source is given");
        }
        Ok(())
    }

    /// The source, where its rows needed no session. They are proven without: a source that cannot
    /// be reached any more is told.
    pub(crate) fn source_of_parameters(
        &self,
        args: &Args,
        known: &Known,
        context: &Context,
    ) -> Option<Server> {
        if self.source.is_some() || !server::is_given(Role::Source, args, known) {
            return None;
        }
        let endpoint = server::locate(Role::Source, args, known, context);
        let (hash, way) = (known.head.hash(), args.reading.method);
        let opened = endpoint.and_then(|one| Server::open(one, hash, way, context));
        opened
            .inspect_err(|error| {
                let told = format!("server parameters are not compared: {error:#}");
                context.notice().warn(&told);
            })
            .ok()
    }

    /// Those that are connected to.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Server> {
        self.source.iter().chain([&self.target])
    }

    /// How the rows of source and target are checksummed.
    pub(crate) fn methods(&self) -> [Option<Method>; 2] {
        [
            self.source.as_ref().map(Server::method),
            Some(self.target.method()),
        ]
    }

    /// The hash that both have for rows.
    pub(crate) fn row_hash(&self) -> RowHash {
        if self.each().all(|side| side.row_hash() == RowHash::Checksum) {
            RowHash::Checksum
        } else {
            RowHash::Md5
        }
    }

    /// Where the source is, without the password; empty when it was not connected to.
    pub(crate) fn source_place(&self) -> String {
        self.source.as_ref().map_or_else(String::new, Server::place)
    }

    /// Takes a new snapshot of both.
    ///
    /// # Errors
    /// What a server says.
    pub(crate) fn renew(&mut self) -> anyhow::Result<()> {
        if let Some(source) = &mut self.source {
            source.renew()?;
        }
        self.target.renew()
    }

    /// Warns of comparisons that prove less than they seem to; tells whether it did.
    ///
    /// # Errors
    /// What a server says.
    pub(crate) fn warn(&mut self, context: &Context) -> anyhow::Result<bool> {
        let mut warned = false;
        if let Some(source) = &mut self.source
            && source.identity()? == self.target.identity()?
        {
            context
                .notice()
                .warn("source and target are the same database of the same server");
            warned = true;
        }
        for side in self.each() {
            if side.facts().encoding == "SQL_ASCII" {
                context.notice().warn(&format!(
                    "the {} is SQL_ASCII: its bytes are compared unconverted",
                    side.role()
                ));
                warned = true;
            }
        }
        Ok(warned)
    }
}
