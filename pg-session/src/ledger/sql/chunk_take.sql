-- Takes the largest chunk that nobody has, until the end of this transaction.
-- $1: chunks that this process has given up on.
select id, schema_name, table_name, part, parts, format, frozen
from pgmig.chunk
where done_at is null
  and id <> all ($1::bigint[])
order by estimated_bytes desc, id
limit 1
for update skip locked
