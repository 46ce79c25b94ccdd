-- For those of some tables ($1: OIDs) that can be cut by the values of a column: the leading
-- column of a unique index that `<` on it can use, and the table's blocks. Of types whose text
-- is the value again on any session of ours; text itself in no other encoding than UTF8. Since 9.5.
select distinct on (c.oid)
    c.oid,
    a.attname::text as name,
    pg_relation_size(c.oid) / current_setting('block_size')::bigint as blocks
from pg_class c
left join pg_am storage on storage.oid = c.relam
join pg_index i on i.indrelid = c.oid
join pg_class ic on ic.oid = i.indexrelid
join pg_am am on am.oid = ic.relam
join pg_opclass oc on oc.oid = i.indclass[0]
join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
join pg_type t on t.oid = a.atttypid
where c.oid = any ($1::oid[])
  and coalesce(storage.amname, 'heap') = 'heap'
  and am.amname = 'btree'
  and i.indisunique
  and i.indisvalid
  and i.indpred is null
  and oc.opcdefault
  and i.indcollation[0] = a.attcollation
  and t.typnamespace = 'pg_catalog'::regnamespace
  and (
      t.typname in ('int2', 'int4', 'int8', 'oid', 'numeric', 'uuid', 'date', 'timestamp', 'timestamptz')
      or t.typname in ('text', 'varchar', 'bpchar') and getdatabaseencoding() = 'UTF8'
  )
order by c.oid, i.indisprimary desc, i.indnatts, i.indexrelid
