//! `pg-schema-dump`: runs a fitting pg_dump, reads its archive's table of contents into
//! `object` records, and adds what a schema-only archive lacks.

pub(crate) mod archive;
mod args;
mod attver;
mod filter;
mod gaps;
mod keys;
mod large_objects;
mod owner;
mod pg_dump;
mod refresh;
mod roles;
mod sound;
mod statistics;
mod tables;
mod withheld;

use std::fs::File;
use std::path::PathBuf;

use pg_pipe::record::{Object, Record, Sequence, Side};
use pg_pipe::report::{Column, Table};
use pg_pipe::{Context, Exit, Head, Input, Standing, Tool};
use pg_session::catalog;
use pg_session::settings::application_name;
use pg_session::{Purpose, Role, ServerVersion, Session, quote, snapshot};

use crate::reserved;
use args::Args;
use filter::Scope;

/// The dumping tool.
pub(crate) struct PgSchemaDump;

impl Tool for PgSchemaDump {
    type Args = Args;

    const NAME: &'static str = "pg-schema-dump";

    const EXAMPLES: &'static str = "  \
  pg-schema-dump --source \"$SRC\" | jq -r 'select(.type==\"object\") | .sql'
  pg-schema-dump --source \"$SRC\" | jq -c 'select(.type!=\"table\" or .schema==\"sales\")' > plan.ndjson
";

    const REPORT: &'static [Table] = &[
        Table {
            kind: "table",
            columns: &[
                Column::new("schema", "Schema"),
                Column::new("name", "Table"),
                Column::new("rows_estimate", "Rows (estimate)"),
                Column::new("bytes", "Bytes"),
                Column::new("key", "Key"),
            ],
        },
        Table {
            kind: "object",
            columns: &[
                Column::new("section", "Section"),
                Column::new("kind", "Kind"),
                Column::new("schema", "Schema"),
                Column::new("name", "Name"),
                Column::new("owner", "Owner"),
            ],
        },
    ];

    fn standing(args: &Args) -> (Standing, Option<PathBuf>) {
        (args.standing.clone(), args.operand.stream.clone())
    }

    pg_pipe::diagnose_with!(pg_session::Error);

    fn run(args: Args, input: Option<Input>, context: &Context) -> anyhow::Result<Exit> {
        let head = Head::read(input)?;
        if head.validates_only() {
            context
                .notice()
                .note("nothing to do: this migration only validates");
            return Ok(Exit::Fine);
        }
        dump(&args, &head, context)?;
        Ok(Exit::Fine)
    }
}

fn dump(args: &Args, head: &Head, context: &Context) -> anyhow::Result<()> {
    args.leave_out.check()?;
    let given = head.conninfo(Side::Source, args.source.source.as_deref());
    let endpoint = pg_session::resolve(Role::Source, given.as_deref())?
        .password_left_behind(head.password_from(Side::Source, args.source.source.as_deref()))
        .telling(context.teller());
    let name = application_name(head.hash(), context.tool());
    let mut session = endpoint.connect(Purpose::Read, &name)?;
    let cancel = session.cancel();
    let _registered = context.stop().on_request(move || cancel.fire());
    let program = pg_dump::choose(
        args.pg_dump.as_deref(),
        session.version(),
        target_version(head).map(ServerVersion::major),
    )?;
    context.notice().detail(&format!("using {program}"));
    let flags = pg_dump_flags(args, &program, head);
    let child = program.endpoint(&endpoint, session.way()).with_parameter(
        "application_name",
        &application_name(head.hash(), "pg_dump"),
    );
    let mut archive = pg_dump::run(&program, &child, &flags, context)?;
    session.batch(snapshot::BEGIN)?;
    let mut objects = objects(args, head, &mut session, &mut archive, context)?;
    reserved::check(&objects)?;
    let scope = Scope::read(&mut session, &args.filter, &mut objects)?;
    for role in roles::list(&mut session, &objects, &args.leave_out)? {
        context.write(Record::Role(args.leave_out.adapt_role(role)));
    }
    for object in objects {
        if let Some(object) = args.leave_out.adapt(object) {
            context.write(Record::Object(object));
        }
    }
    write_contents(&mut session, &scope, context)?;
    if args.filter.has_everything()
        && let Some(record) = large_objects::record(&mut session)?
    {
        context.write(Record::LargeObjects(record));
    }
    session.batch("commit")?;
    Ok(())
}

/// Which part of the database pg_dump is to write.
fn pg_dump_flags(args: &Args, program: &pg_dump::Program, head: &Head) -> Vec<String> {
    let restores = target_version(head).is_some_and(ServerVersion::restores_statistics);
    let parts = if restores && program.writes_statistics() && !args.no_statistics {
        &["--no-data", "--statistics"][..]
    } else {
        &["--schema-only"]
    };
    let leave_out = [
        ("--no-publications", args.leave_out.no_publications),
        ("--no-subscriptions", args.leave_out.no_subscriptions),
        ("--no-security-labels", args.leave_out.no_security_labels),
    ];
    parts
        .iter()
        .copied()
        .chain(
            leave_out
                .iter()
                .filter(|(_, is_given)| *is_given)
                .map(|(flag, _)| *flag),
        )
        .map(str::to_owned)
        .chain(args.filter.flags())
        .collect()
}

/// All objects in the order in which they are made.
fn objects(
    args: &Args,
    head: &Head,
    session: &mut Session,
    archive: &mut File,
    context: &Context,
) -> anyhow::Result<Vec<Object>> {
    let (mut objects, identities) = archive::objects(archive)?;
    if args.filter.is_given() {
        gaps::note(session, &mut objects, &identities)?;
    }
    withhold_secrets(&mut objects, context);
    keys::split(session, target_version(head), &mut objects)?;
    let statistics = statistics::take(&mut objects);
    refresh::add(session, &mut objects)?;
    if args.filter.has_everything() {
        large_objects::add_metadata(session, &mut objects)?;
    }
    statistics::append(&mut objects, statistics);
    Ok(objects)
}

/// Takes secrets out of SQL and says so: they have to be set again on the target.
fn withhold_secrets(objects: &mut [Object], context: &Context) {
    for object in objects {
        if let Some(cleaned) = withheld::without_secrets(&object.kind, &object.sql) {
            object.sql = cleaned.sql;
            let shown = quote::shown_tag(object.schema.as_deref(), &object.name);
            // The tag of a user mapping begins with what it is.
            let kind = Some(&object.kind).filter(|kind| !shown.starts_with(kind.as_str()));
            let shown = kind.map_or_else(|| shown.clone(), |kind| format!("{kind} {shown}"));
            context.notice().warn(&format!(
                "{shown} comes without {}: set that on the target afterwards",
                cleaned.what
            ));
        }
    }
}

/// Version of the target, where the stream says it.
fn target_version(head: &Head) -> Option<ServerVersion> {
    Some(ServerVersion(head.target.as_ref()?.version_num?))
}

/// What holds data: tables, sequences.
fn write_contents(session: &mut Session, scope: &Scope, context: &Context) -> anyhow::Result<()> {
    for relation in catalog::list_relations(session, &[])? {
        if scope.has_table(&relation) {
            context.write(Record::Table(tables::record(relation)));
        }
    }
    for name in catalog::list_sequences(session, &[])? {
        if scope.has_sequence(&name) {
            context.write(Record::Sequence(Sequence {
                schema: name.schema,
                name: name.name,
                last_value: None,
                is_called: None,
            }));
        }
    }
    Ok(())
}
