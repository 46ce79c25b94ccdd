-- Marks chunks as done, in the transaction that holds their rows.
update pgmig.chunk c
set done_at = clock_timestamp(), rows = d.rows, bytes = d.bytes, checksum = d.checksum,
    milliseconds = d.milliseconds, worker = $6
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[])
    as d (id, rows, bytes, checksum, milliseconds)
where c.id = d.id and c.done_at is null
returning c.id
