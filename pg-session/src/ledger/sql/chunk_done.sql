-- Marks a chunk as done, in the transaction that holds its rows.
update pgmig.chunk
set done_at = clock_timestamp(), rows = $2, bytes = $3, checksum = $4, milliseconds = $5, worker = $6
where id = $1 and done_at is null
returning id
