-- Adds to the plan of the large objects.
-- $1 OIDs, $2 their sizes, $3 the first piece and $4 the one after the last, $5 bytes, $6 the run.
insert into pgmig.large_object (oids, sizes, first_piece, end_piece, bytes, run)
values ($1::oid[], $2::bigint[], $3::bigint, $4::bigint, $5::bigint, $6::bigint)
