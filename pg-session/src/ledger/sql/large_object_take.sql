-- Takes the largest large objects that nobody has, until the end of this transaction.
-- $1: what this process has in hand or has given up on. $2: the run.
select id, oids, sizes, first_piece, end_piece, bytes
from pgmig.large_object
where done_at is null
  and run = $2::bigint
  and id <> all ($1::bigint[])
order by bytes desc, id
limit 1
for update skip locked
