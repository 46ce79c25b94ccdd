//! `pg-schema-dump`: runs a fitting pg_dump, reads its archive's table of contents into
//! `object` records, and adds what a schema-only archive lacks.

mod archive;
mod args;
mod attver;
mod large_objects;
mod owner;
mod pg_dump;
mod refresh;
mod roles;
mod tables;
mod withheld;

use std::path::PathBuf;

use pg_pipe::record::{Object, Record, Sequence, Side};
use pg_pipe::report::{Column, Table};
use pg_pipe::{Context, Exit, Head, Input, Standing, Tool};
use pg_session::catalog;
use pg_session::settings::application_name;
use pg_session::{Purpose, Role, ServerVersion, Session, quote, snapshot};

use args::Args;

/// The dumping tool.
pub(crate) struct PgSchemaDump;

impl Tool for PgSchemaDump {
    type Args = Args;

    const NAME: &'static str = "pg-schema-dump";

    const EXAMPLES: &'static str = "  \
  pg-schema-dump --source \"$SRC\" | jq -r 'select(.type==\"object\") | .sql'
  pg-schema-dump --source \"$SRC\" | jq -c 'select(.type!=\"table\" or .schema==\"sales\")' | tee plan.ndjson
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
        target_major(head),
    )?;
    context.notice().detail(&format!("using {program}"));
    let archive = pg_dump::run(&program, &endpoint, context)?;
    session.batch(snapshot::BEGIN)?;
    for role in roles::list(&mut session)? {
        context.write(Record::Role(role));
    }
    let mut objects = archive::objects(archive.path())?;
    withhold_passwords(&mut objects, context);
    refresh::add(&mut session, &mut objects)?;
    large_objects::add_metadata(&mut session, &mut objects)?;
    for object in objects {
        context.write(Record::Object(object));
    }
    write_contents(&mut session, context)?;
    session.batch("commit")?;
    Ok(())
}

/// Takes passwords out of SQL and says so: they have to be set again on the target.
fn withhold_passwords(objects: &mut [Object], context: &Context) {
    for object in objects {
        if let Some(sql) = withheld::without_password(&object.kind, &object.sql) {
            object.sql = sql;
            let shown = quote::shown_tag(object.schema.as_deref(), &object.name);
            context.notice().warn(&format!(
                "the password of {} {shown} is left out; set it on the target afterwards",
                object.kind
            ));
        }
    }
}

/// Major version of the target, where the stream says it.
fn target_major(head: &Head) -> Option<u32> {
    let number = head.target.as_ref()?.version_num?;
    Some(ServerVersion(number).major())
}

/// What holds data: tables, sequences, large objects.
fn write_contents(session: &mut Session, context: &Context) -> anyhow::Result<()> {
    for relation in catalog::list_relations(session, &[])? {
        context.write(Record::Table(tables::record(relation)));
    }
    for name in catalog::list_sequences(session, &[])? {
        context.write(Record::Sequence(Sequence {
            schema: name.schema,
            name: name.name,
            last_value: None,
            is_called: None,
        }));
    }
    if let Some(record) = large_objects::record(session)? {
        context.write(Record::LargeObjects(record));
    }
    Ok(())
}
