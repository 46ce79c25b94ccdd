-- Adds whole-table chunks to the plan; tables that are in it already keep theirs.
-- $1 schemas, $2 tables, $3 columns as JSON arrays, $4 conditions, $5 estimated bytes,
-- $6 filenodes, $7 formats, $8 whether rows are frozen: parallel lists.
insert into pgmig.chunk
    (schema_name, table_name, part, parts, method, columns, condition, format, frozen,
     estimated_bytes, source_filenode)
select
    t.schema_name, t.table_name, 1, 1, 'table',
    array(select jsonb_array_elements_text(t.columns::jsonb)),
    t.condition, t.format, t.frozen, t.bytes, t.filenode
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
            $7::text[], $8::boolean[])
    as t (schema_name, table_name, columns, condition, bytes, filenode, format, frozen)
on conflict (schema_name, table_name, part) do nothing
