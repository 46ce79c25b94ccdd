-- What of the plan of the large objects is on the target, done or made to be filled, in the
-- order of the plan. $1: the id of the one before. $2: how many.
select id, oids, sizes, first_piece, end_piece, bytes, done_at is not null as done, checksum
from pgmig.large_object
where id > $1::bigint
  and (done_at is not null or first_piece is not null)
order by id
limit $2::bigint
