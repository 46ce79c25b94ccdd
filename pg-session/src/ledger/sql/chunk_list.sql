-- The whole plan.
select
    id, schema_name, table_name, part, parts, estimated_bytes, method, split_by, lower_bound, upper_bound,
    condition, source_filenode,
    done_at is not null as done, rows, bytes, checksum, milliseconds
from pgmig.chunk
order by schema_name, table_name, part
