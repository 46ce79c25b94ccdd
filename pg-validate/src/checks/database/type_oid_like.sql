-- type.oid_like: no column holds numbers that mean something on one server only
--
-- level: database
-- severity: warning
-- message: {count} {column holds|columns hold} numbers that mean something on one server only
-- why: OIDs, transaction ids, places of rows and of the log are copied as they are, and mean
--     something else or nothing on the target. OIDs of large objects stay the same.
-- manual: datatype-oid

-- on the source
select
    format('%s.%I', c.oid::regclass, a.attname) as object,
    format_type(a.atttypid, a.atttypmod) as detail
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
where a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'm')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  and format_type(a.atttypid, null) in (
      'oid', 'xid', 'xid8', 'cid', 'tid', 'pg_lsn', 'txid_snapshot', 'pg_snapshot', 'aclitem', 'aclitem[]'
  )
order by n.nspname, c.relname, a.attnum
