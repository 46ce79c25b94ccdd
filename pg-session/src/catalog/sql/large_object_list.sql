-- Large objects after one, with their sizes in bytes, which only opening them tells. Must run in
-- a transaction: descriptors live until its end. $1: OID of the one before. $2: how many. Since 9.3.
select opened.oid, lo_lseek64(opened.fd, 0, 2) as size, lo_close(opened.fd) as closed
from (
    select m.oid, lo_open(m.oid, 262144) as fd
    from pg_largeobject_metadata m
    where m.oid > $1::oid
    order by m.oid
    limit $2::bigint
) opened
