//! What would run, as a script for psql: SQL in the order in which it would run, and nothing
//! else. Without `--target` nothing is connected to; with it the ledger is read, and what is
//! done is left out.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};

use pg_pipe::record::{Object, RoleObject, Section};
use pg_pipe::shown::{self, Text};
use pg_pipe::{Context, Exit, Failure, Input, Line};
use pg_session::{Class, Purpose, ServerVersion, ledger, quote};

use crate::apply::Target;
use crate::apply::args::{Args, Part};
use crate::apply::graph::Graph;
use crate::apply::ledgered::{Ledgered, shown};
use crate::apply::one::adapted;
use crate::apply::plan::Plan;
use crate::apply::roles;
use crate::apply::statistics::is_statistics;

/// What our sessions have set, as far as the result depends on it.
const PRELUDE: &str = "SET search_path = pg_catalog;\nSET check_function_bodies = off;\n";

/// Reads the plan and prints it.
///
/// # Errors
/// A stream that is not sound, a target that cannot be reached, an output that is full.
pub(crate) fn run(args: &Args, input: Input, context: &Context) -> anyhow::Result<Exit> {
    let mut plan = Plan::new(&args.leave_out);
    for line in input {
        if let Line::Known(record) = line? {
            plan.note(*record);
        }
    }
    let script = Script::open(args, &plan, context)?;
    match script.write(
        args.section,
        &mut BufWriter::new(shown::standard_output(Text::Plain)),
    ) {
        Ok(()) => Ok(Exit::Fine),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::ReaderGone),
        Err(error) => Err(Failure::input(format!("cannot write standard output: {error}")).into()),
    }
}

struct Script<'p> {
    plan: &'p Plan,
    database: String,
    version: Option<ServerVersion>,
    done: Option<Ledgered>,
    roles: BTreeSet<String>,
}

impl<'p> Script<'p> {
    fn open(args: &Args, plan: &'p Plan, context: &Context) -> anyhow::Result<Self> {
        let head = &plan.head;
        let known = head.target.as_ref().and_then(|target| target.version_num);
        let own_name = head.staging().or(plan.source_database());
        let mut script = Self {
            plan,
            database: own_name.unwrap_or_default().to_owned(),
            version: known.map(ServerVersion),
            done: None,
            roles: BTreeSet::new(),
        };
        if args.target.target.is_none() {
            return Ok(script);
        }
        let target = Target::resolve(args, head, context)?;
        let endpoint = target.endpoint.with_database(&target.database);
        script.database = target.database;
        match endpoint.connect(Purpose::Read, &target.application_name) {
            Ok(mut session) => {
                script.version = Some(session.version());
                script.roles = roles::list(&mut session)?;
                if ledger::exists(&mut session)? {
                    script.done = Some(Ledgered::open(&mut session, plan)?);
                }
            }
            // The staging database is what pre-data begins with.
            Err(error) if error.class() == Class::NoDatabase && head.migration.is_some() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(script)
    }

    fn write(&self, part: Part, out: &mut impl Write) -> io::Result<()> {
        out.write_all(PRELUDE.as_bytes())?;
        match part {
            Part::PreData => self.pre_data(out)?,
            Part::PostData => self.post_data(out)?,
        }
        out.flush()
    }

    fn pre_data(&self, out: &mut impl Write) -> io::Result<()> {
        let missing = |role: &&RoleObject| !self.roles.contains(&role.name);
        for role in self.plan.roles.iter().filter(missing) {
            let title = format!("ROLE {}", quote::shown(&role.name));
            entry(out, &title, &roles::statements(role))?;
        }
        self.section(Section::PreData, out)
    }

    fn post_data(&self, out: &mut impl Write) -> io::Result<()> {
        let can_leave_open = self
            .version
            .is_some_and(ServerVersion::has_open_keys_on_partitioned);
        let mut graph = Graph::new(self.plan, can_leave_open);
        graph.no_more_tables(&BTreeSet::new());
        while let Some(task) = graph.start_next() {
            let key = task.key();
            if task.step.sql == task.object.sql {
                self.object(&task.object, out)?;
            } else {
                self.statement(&task.object, &task.step.sql, out)?;
            }
            graph.ended(key, true);
        }
        let statistics = self.plan.objects.iter().filter(|o| is_statistics(o));
        for object in statistics {
            self.object(object, out)?;
        }
        entry(out, "ANALYZE", "ANALYZE;")?;
        self.section(Section::Acl, out)?;
        self.section(Section::Final, out)
    }

    fn section(&self, section: Section, out: &mut impl Write) -> io::Result<()> {
        self.plan
            .section(section)
            .try_for_each(|object| self.object(object, out))
    }

    fn object(&self, object: &Object, out: &mut impl Write) -> io::Result<()> {
        match adapted(object, self.plan, &self.database) {
            Some(object) => self.statement(&object, &object.sql, out),
            None => Ok(()),
        }
    }

    fn statement(&self, object: &Object, sql: &str, out: &mut impl Write) -> io::Result<()> {
        let done = self.done.as_ref();
        if sql.trim().is_empty() || done.is_some_and(|done| done.is_done(object, sql)) {
            return Ok(());
        }
        let storage = [
            ("default_tablespace", &object.tablespace),
            ("default_table_access_method", &object.access_method),
        ];
        let set: Vec<(&str, &str)> = storage
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .filter(|pair| *pair != ("default_table_access_method", "heap"))
            .collect();
        let mut text = String::new();
        for (name, value) in &set {
            text.push_str(&format!("SET {name} = {};\n", quote::identifier(value)));
        }
        text.push_str(sql);
        for (name, _) in &set {
            text.push_str(&format!("\nRESET {name};"));
        }
        entry(out, &shown(object), &text)
    }
}

/// One entry: what it is in a comment that no name can end, then its SQL.
fn entry(out: &mut impl Write, title: &str, sql: &str) -> io::Result<()> {
    let title: String = title
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let sql = sql.trim();
    let end = if sql.ends_with(';') { "" } else { ";" };
    writeln!(out, "\n-- {title}\n{sql}{end}")
}
