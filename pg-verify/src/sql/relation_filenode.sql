-- The file that a relation's rows are in now, whatever the snapshot.
-- $1: OID of the relation. Since 9.5.
select pg_catalog.pg_relation_filenode($1::oid)::bigint as filenode
