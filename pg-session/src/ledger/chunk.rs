//! The copy plan and what of it is done. The queue is the table: a worker takes a chunk with
//! `for update skip locked`, and one that dies gives it back by dying.

use std::collections::BTreeMap;

use super::range::Range;
use super::run;
use crate::error::{Class, Error};
use crate::quote;
use crate::relation::RelationName;
use crate::session::Session;
use crate::wire::{TextRow, Wire};

const PLAN: &str = include_str!("sql/chunk_plan.sql");
const TAKE: &str = include_str!("sql/chunk_take.sql");
const DONE: &str = include_str!("sql/chunk_done.sql");
const LIST: &str = include_str!("sql/chunk_list.sql");
const FORGET: &str = include_str!("sql/chunk_forget.sql");

/// A table, or a part of one, that is to be copied.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedChunk {
    /// Name.
    pub name: RelationName,
    /// Columns to copy.
    pub columns: Vec<String>,
    /// The condition that was asked for.
    pub condition: Option<String>,
    /// Bytes on the source's disk, about.
    pub bytes: i64,
    /// `pg_relation_filenode` on the source.
    pub filenode: Option<i64>,
    /// COPY's format.
    pub format: Format,
    /// Whether rows are frozen as they come, in the transaction of a TRUNCATE.
    pub frozen: bool,
    /// Number within the table, from 1.
    pub part: i32,
    /// Chunks of the table.
    pub parts: i32,
    /// Its rows.
    pub range: Range,
}

/// Format of COPY.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Right for every type under the pinned settings.
    Text,
    /// As the types' send functions give it.
    Binary,
}

impl Format {
    /// As COPY and the ledger call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

/// A chunk that this transaction holds.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenChunk {
    /// Id in the plan.
    pub id: i64,
    /// Table.
    pub name: RelationName,
    /// Number within the table, from 1.
    pub part: i32,
    /// Chunks of the table.
    pub parts: i32,
    /// COPY's format.
    pub format: Format,
    /// Whether the table is emptied first and its rows are frozen.
    pub frozen: bool,
    /// Bytes on the source's disk, about.
    pub estimated_bytes: i64,
    /// Its rows.
    pub range: Range,
}

/// What a chunk brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Done {
    /// Rows.
    pub rows: i64,
    /// Bytes of COPY data.
    pub bytes: i64,
    /// Checksum of the source's rows.
    pub checksum: String,
    /// How long it took, in milliseconds.
    pub milliseconds: i64,
}

/// A chunk of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerChunk {
    /// Id in the plan.
    pub id: i64,
    /// Table.
    pub name: RelationName,
    /// Number within the table, from 1.
    pub part: i32,
    /// Chunks of the table.
    pub parts: i32,
    /// Bytes on the source's disk, about.
    pub estimated_bytes: i64,
    /// Its rows.
    pub range: Range,
    /// The condition that was asked for.
    pub condition: Option<String>,
    /// `pg_relation_filenode` on the source when it was planned.
    pub filenode: Option<i64>,
    /// What it brought, if it is done.
    pub done: Option<Done>,
}

/// Adds tables to the plan; those that are in it keep their chunks. Then it is analyzed: a
/// planner that knows nothing of the queue sorts all of it each time a chunk is taken (100,000
/// chunks: 200 ms each, against 0.1).
///
/// # Errors
/// What the server says.
pub fn plan(session: &mut Session, run: i64, tables: &[PlannedChunk]) -> Result<(), Error> {
    let schemas: Vec<&str> = tables.iter().map(|t| t.name.schema.as_str()).collect();
    let names: Vec<&str> = tables.iter().map(|t| t.name.name.as_str()).collect();
    let columns: Vec<String> = tables.iter().map(|t| json_array(&t.columns)).collect();
    let conditions: Vec<Option<&str>> = tables.iter().map(|t| t.condition.as_deref()).collect();
    let bytes: Vec<i64> = tables.iter().map(|t| t.bytes).collect();
    let filenodes: Vec<Option<i64>> = tables.iter().map(|t| t.filenode).collect();
    let formats: Vec<&str> = tables.iter().map(|t| t.format.as_str()).collect();
    let frozen: Vec<bool> = tables.iter().map(|t| t.frozen).collect();
    let parts: Vec<i32> = tables.iter().map(|t| t.part).collect();
    let of_parts: Vec<i32> = tables.iter().map(|t| t.parts).collect();
    let methods: Vec<&str> = tables.iter().map(|t| t.range.method()).collect();
    let split_by: Vec<Option<&str>> = tables.iter().map(|t| t.range.column()).collect();
    let (lower, upper): (Vec<Option<String>>, Vec<Option<String>>) =
        tables.iter().map(|t| t.range.bounds()).unzip();
    session.execute(
        PLAN,
        &[
            &schemas,
            &names,
            &columns,
            &conditions,
            &bytes,
            &filenodes,
            &formats,
            &frozen,
            &parts,
            &of_parts,
            &methods,
            &split_by,
            &lower,
            &upper,
            &run,
        ],
    )?;
    session.batch("analyze pgmig.chunk")
}

/// Strings as a JSON array: PostgreSQL has no ragged array of arrays.
fn json_array(items: &[String]) -> String {
    let quoted: Vec<String> = items
        .iter()
        .map(|item| {
            let mut text = String::from("\"");
            for c in item.chars() {
                match c {
                    '"' | '\\' => text.extend(['\\', c]),
                    c if c.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(c))),
                    c => text.push(c),
                }
            }
            text.push('"');
            text
        })
        .collect();
    format!("[{}]", quoted.join(","))
}

/// Begins a transaction that holds the run and takes the largest chunk of it that nobody has and that is not in
/// `given_up`, until its end; when that is a small one, others with it. None when there is none.
///
/// # Errors
/// What the server says.
pub fn take(wire: &mut Wire, run: i64, given_up: &[i64]) -> Result<Vec<TakenChunk>, Error> {
    let mut not_these = given_up.to_vec();
    let hold = quote::bound(run::HOLD, &[&run.to_string()]);
    let first = take_sql(run, &not_these, i64::MAX, 1);
    let first = wire.rows(&format!("begin; {hold}; {first}"))?;
    let mut chunks: Vec<TakenChunk> = first.into_iter().map(taken).collect::<Result<_, _>>()?;
    if let Some(first) = chunks.first()
        && first.estimated_bytes <= SMALL
    {
        not_these.push(first.id);
        let more = wire.rows(&take_sql(run, &not_these, SMALL, AT_ONCE - 1))?;
        for row in more {
            chunks.push(taken(row)?);
        }
    }
    Ok(chunks)
}

/// The largest chunk of which others may go into one transaction with it, in bytes.
const SMALL: i64 = 64 * 1024;
/// Chunks that go together at the most.
const AT_ONCE: i64 = 50;

fn take_sql(run: i64, given_up: &[i64], most_bytes: i64, limit: i64) -> String {
    let ids: Vec<String> = given_up.iter().map(i64::to_string).collect();
    let list = format!("{{{}}}", ids.join(","));
    let (bytes, limit) = (most_bytes.to_string(), limit.to_string());
    quote::bound(TAKE, &[&list, &bytes, &limit, &run.to_string()])
}

/// In the order of the query.
fn taken(row: TextRow) -> Result<TakenChunk, Error> {
    let mut values = row.into_iter();
    let mut text = || values.next().flatten().unwrap_or_default();
    let garbled = |_| Error::new(Class::Ledger, "the ledger has a chunk that cannot be read");
    Ok(TakenChunk {
        id: text().parse().map_err(garbled)?,
        name: RelationName::new(text(), text()),
        part: text().parse().map_err(garbled)?,
        parts: text().parse().map_err(garbled)?,
        format: match text().as_str() {
            "binary" => Format::Binary,
            _ => Format::Text,
        },
        frozen: text() == "t",
        estimated_bytes: text().parse().map_err(garbled)?,
        range: Range::read(
            &text(),
            values.next().flatten(),
            values.next().flatten(),
            values.next().flatten(),
        )?,
    })
}

/// Notes an attempt at each of some chunks, in a transaction of its own; gives the number of it
/// among those of this run that failed: being interrupted is no failure.
///
/// # Errors
/// What the server says.
pub fn begin_attempts(
    wire: &mut Wire,
    chunks: &[i64],
    worker: &str,
) -> Result<BTreeMap<i64, i64>, Error> {
    let ids: Vec<String> = chunks.iter().map(i64::to_string).collect();
    let rows = wire.rows(&quote::bound(
        "insert into pgmig.attempt (chunk, worker) select unnest($1::bigint[]), $2; \
         select chunk, 1 + count(*) filter ( \
             where error is not null \
               and started_at > (select started_at from pgmig.run order by id desc limit 1)) \
         from pgmig.attempt where chunk = any ($1::bigint[]) group by chunk",
        &[&format!("{{{}}}", ids.join(",")), worker],
    ))?;
    let number = |value: &Option<String>| value.as_deref()?.parse().ok();
    Ok(rows
        .iter()
        .filter_map(|row| Some((number(row.first()?)?, number(row.get(1)?)?)))
        .collect())
}

/// Notes why the latest attempt at a chunk failed.
///
/// # Errors
/// What the server says.
pub fn note_attempt_error(wire: &mut Wire, chunk: i64, error: &str) -> Result<(), Error> {
    wire.batch(&quote::bound(
        "update pgmig.attempt set error = $2 \
         where id = (select max(id) from pgmig.attempt where chunk = $1)",
        &[&chunk.to_string(), &error.replace('\0', "")],
    ))
}

/// Marks chunks as done, in the transaction that holds their rows.
///
/// # Errors
/// [`Class::Ledger`] when one of them is done already, otherwise what the server says.
pub fn mark_done(wire: &mut Wire, chunks: &[(i64, Done)], worker: &str) -> Result<(), Error> {
    let list = |value: fn(&(i64, Done)) -> String| {
        let values: Vec<String> = chunks.iter().map(value).collect();
        format!("{{{}}}", values.join(","))
    };
    let marked = wire.rows(&quote::bound(
        DONE,
        &[
            &list(|(id, _)| id.to_string()),
            &list(|(_, done)| done.rows.to_string()),
            &list(|(_, done)| done.bytes.to_string()),
            // Has neither quotes nor backslashes.
            &list(|(_, done)| format!("\"{}\"", done.checksum)),
            &list(|(_, done)| done.milliseconds.to_string()),
            worker,
        ],
    ))?;
    if marked.len() == chunks.len() {
        return Ok(());
    }
    let ids: Vec<String> = chunks.iter().map(|(id, _)| id.to_string()).collect();
    Err(Error::new(
        Class::Ledger,
        format!(
            "one of the chunks {} is marked as done already",
            ids.join(", ")
        ),
    ))
}

/// Whether chunks that commit together are done. A transaction that holds them is waited for, as
/// long as a server takes to notice that its client is gone: it may still come to its COMMIT.
///
/// # Errors
/// What the server says, also (55P03) that it took longer.
pub fn are_done(session: &mut Session, chunks: &[i64]) -> Result<bool, Error> {
    session.batch("set lock_timeout = '90s'")?;
    let rows = session
        .query(
            "select done_at is not null as done from pgmig.chunk where id = any ($1) for update",
            &[&chunks],
        )
        .map_err(|error| error.while_doing("cannot tell whether rows were committed"))?;
    Ok(rows.iter().any(|row| row.get("done")))
}

/// Lists the plan.
///
/// # Errors
/// What the server says.
pub fn list_chunks(session: &mut Session) -> Result<Vec<LedgerChunk>, Error> {
    let rows = session.query(LIST, &[])?;
    rows.iter()
        .map(|row| {
            let is_done: bool = row.get("done");
            Ok(LedgerChunk {
                id: row.get("id"),
                name: RelationName::new(
                    row.get::<_, String>("schema_name"),
                    row.get::<_, String>("table_name"),
                ),
                part: row.get("part"),
                parts: row.get("parts"),
                estimated_bytes: row.get("estimated_bytes"),
                range: Range::read(
                    row.get("method"),
                    row.get("split_by"),
                    row.get("lower_bound"),
                    row.get("upper_bound"),
                )?,
                condition: row.get("condition"),
                filenode: row.get("source_filenode"),
                done: is_done.then(|| Done {
                    rows: row.get("rows"),
                    bytes: row.get("bytes"),
                    checksum: row.get("checksum"),
                    milliseconds: row.get("milliseconds"),
                }),
            })
        })
        .collect()
}

/// What is not done of a table is copied in this run, too.
///
/// # Errors
/// What the server says.
pub fn go_on_with(session: &mut Session, run: i64, name: &RelationName) -> Result<(), Error> {
    session.execute(
        "update pgmig.chunk set run = $1 \
         where schema_name = $2 and table_name = $3 and done_at is null",
        &[&run, &name.schema, &name.name],
    )?;
    Ok(())
}

/// Takes out of the plan what is not done, of tables of which nothing is.
///
/// # Errors
/// What the server says.
pub fn forget_plan(session: &mut Session) -> Result<(), Error> {
    session.batch(FORGET)
}

/// How a table is emptied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Emptying {
    /// At once.
    Truncate,
    /// Row by row: TRUNCATE refuses a table that a foreign key refers to.
    Delete,
}

impl Emptying {
    fn sql(self, table: &str) -> String {
        match self {
            Self::Truncate => format!("truncate {table}"),
            Self::Delete => format!("delete from {table}"),
        }
    }
}

/// Takes tables out of the plan and empties them, in the session's transaction: a table without
/// its children, or a partitioned one with them, where `names` are leaves of it.
///
/// # Errors
/// What the server says.
pub fn forget_tables(
    session: &mut Session,
    root: Option<&RelationName>,
    names: &[&RelationName],
    emptying: Emptying,
) -> Result<(), Error> {
    if let Some(root) = root {
        session.batch(&emptying.sql(&root.sql()))?;
    }
    for name in names {
        if root.is_none() {
            session.batch(&emptying.sql(&format!("only {}", name.sql())))?;
        }
        session.execute(
            "delete from pgmig.chunk where schema_name = $1 and table_name = $2",
            &[&name.schema, &name.name],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_way_through_json() {
        let items = vec!["a\"b\\c\nd".to_owned(), "é".to_owned()];
        assert_eq!(json_array(&items), "[\"a\\\"b\\\\c\\u000ad\",\"é\"]");
    }
}
