-- The pieces of 1 MiB of all large objects: what large_object_sum.sql hashes. Must run in a
-- transaction: descriptors live until its end. Since 9.5.
select sized.oid::bigint, piece.number, lo_get(sized.oid, piece.number * 1048576, 1048576)
from (
    select opened.oid, lo_lseek64(opened.fd, 0, 2) as size, lo_close(opened.fd) as closed
    from (
        select m.oid, lo_open(m.oid, 262144) as fd
        from pg_largeobject_metadata m
        offset 0
    ) opened
    offset 0
) sized
cross join lateral (
    select number from generate_series(0, greatest(sized.size - 1, 0) / 1048576) as number
) piece
