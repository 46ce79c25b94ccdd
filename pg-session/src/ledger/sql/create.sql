-- The ledger: what has been done on this target, committed together with what it tells of.
create schema if not exists pgmig;

comment on schema pgmig is 'pgmig ledger: dropped when the migration is complete';

-- One row a run of pg-copy: the snapshot that its workers adopt, and when that is in the life
-- of the source. Once planned, workers may come; a run that covers all has found whatever was
-- done before it to be so in its snapshot, too.
create table if not exists pgmig.run (
    id bigint generated always as identity primary key,
    migration text not null,
    snapshot text not null,
    lineage text,
    source_snapshot text not null,
    covers_all boolean,
    planned_at timestamptz,
    started_at timestamptz not null default clock_timestamp()
);

-- The copy plan. A chunk is done when done_at is set, in the transaction that holds its rows.
create table if not exists pgmig.chunk (
    id bigint generated always as identity primary key,
    -- The run that it is to be copied in: none of another snapshot takes it.
    run bigint not null,
    schema_name text not null,
    table_name text not null,
    part integer not null,
    parts integer not null,
    batch bigint,
    method text not null check (method in ('table', 'ctid', 'key', 'root')),
    split_by text,
    lower_bound text,
    upper_bound text,
    columns text[] not null,
    condition text,
    format text not null check (format in ('text', 'binary')),
    frozen boolean not null,
    estimated_bytes bigint not null,
    source_filenode bigint,
    done_at timestamptz,
    rows bigint,
    bytes bigint,
    checksum text,
    milliseconds bigint,
    worker text,
    unique (schema_name, table_name, part)
);

-- The queue, in its order.
create index if not exists chunk_queue on pgmig.chunk (estimated_bytes desc, id) where done_at is null;

-- Attempts at a chunk, counted in transactions of their own, before the chunk's.
create table if not exists pgmig.attempt (
    id bigint generated always as identity primary key,
    chunk bigint not null,
    started_at timestamptz not null default clock_timestamp(),
    worker text not null,
    error text
);

create index if not exists attempt_chunk on pgmig.attempt (chunk);

-- The plan of the large objects: several that go together, or some pieces of one. They are there
-- once the row is done, and one in pieces from the transaction on that planned it.
create table if not exists pgmig.large_object (
    id bigint generated always as identity primary key,
    run bigint not null,
    oids oid[] not null,
    sizes bigint[] not null,
    first_piece bigint,
    end_piece bigint,
    bytes bigint not null,
    done_at timestamptz,
    checksum text,
    milliseconds bigint,
    worker text
);

create index if not exists large_object_queue on pgmig.large_object (bytes desc, id) where done_at is null;

-- DDL that is done, committed together with it.
create table if not exists pgmig.applied (
    kind text not null,
    schema_name text not null,
    name text not null,
    sql_sha256 text not null,
    applied_at timestamptz not null default clock_timestamp(),
    milliseconds bigint,
    primary key (kind, schema_name, name, sql_sha256)
);
