-- Large objects: how many, their bytes, and a checksum over OIDs, positions and contents in
-- pieces of 1 MiB. Must run in a transaction: descriptors live until its end.
-- $1: seed of the hash. $2: OIDs, or null for all. $3 and $4: the first piece and the one after
-- the last, or null for all that there are. Since 11.
with sized as (
    select opened.oid, lo_lseek64(opened.fd, 0, 2) as size, lo_close(opened.fd) as closed
    from (
        select m.oid, lo_open(m.oid, 262144) as fd
        from pg_largeobject_metadata m
        where $2::oid[] is null or m.oid = any ($2::oid[])
        offset 0
    ) opened
    offset 0
)
select
    count(distinct oid) as count,
    coalesce(sum(octet_length(piece.bytes)), 0)::bigint as bytes,
    coalesce(sum(hash_array_extended(
        array[record_send(row(sized.oid::bigint, piece.number, piece.bytes))], $1::bigint
    )), 0)::text as checksum
from sized
cross join lateral (
    select number, lo_get(sized.oid, number * 1048576, 1048576) as bytes
    from generate_series(
        coalesce($3::bigint, 0),
        least($4::bigint - 1, greatest(sized.size - 1, 0) / 1048576)
    ) as number
) piece
