-- Takes the largest chunks that nobody has, until the end of this transaction.
-- $1: chunks that this process has given up on. $2: the most bytes of one. $3: how many. $4: the run.
select id, schema_name, table_name, part, parts, format, frozen, estimated_bytes, method, split_by,
    lower_bound, upper_bound
from pgmig.chunk
where done_at is null
  and run = $4::bigint
  and estimated_bytes <= $2::bigint
  and id <> all ($1::bigint[])
order by estimated_bytes desc, id
limit $3::integer
for update skip locked
