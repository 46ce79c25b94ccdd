-- Adds chunks to the plan; those that are in it already stay as they are.
-- $1 schemas, $2 tables, $3 columns as JSON arrays, $4 conditions, $5 estimated bytes,
-- $6 filenodes, $7 formats, $8 whether rows are frozen, $9 parts, $10 of how many, $11 methods,
-- $12 columns that keys are of, $13 and $14 bounds: parallel lists; $15 the run.
insert into pgmig.chunk
    (run, schema_name, table_name, part, parts, method, split_by, lower_bound, upper_bound, columns,
     condition, format, frozen, estimated_bytes, source_filenode)
select
    $15::bigint, t.schema_name, t.table_name, t.part, t.parts,
    t.method, t.split_by, t.lower_bound, t.upper_bound,
    array(select jsonb_array_elements_text(t.columns::jsonb)),
    t.condition, t.format, t.frozen, t.bytes, t.filenode
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
            $7::text[], $8::boolean[], $9::integer[], $10::integer[], $11::text[], $12::text[],
            $13::text[], $14::text[])
    as t (schema_name, table_name, columns, condition, bytes, filenode, format, frozen, part,
          parts, method, split_by, lower_bound, upper_bound)
on conflict (schema_name, table_name, part) do nothing
