-- type.lz4: the target has the compression of columns
--
-- level: database
-- severity: failed
-- refused: 22023
-- message: {count} {column is|columns are} compressed with lz4, which the target does not have
-- why: ALTER TABLE ... SET COMPRESSION is refused.
-- explains: compression method lz4 not supported
-- manual: storage-toast

-- on the source from 14
select
    format('%s.%I', c.oid::regclass, a.attname) as object,
    format('alter table %s alter column %I set compression pglz;', c.oid::regclass, a.attname) as fix
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
  and a.attcompression = 'l'
order by n.nspname, c.relname, a.attnum

-- on the target before 14
-- Knows no compression of columns at all.
select null as key

-- on the target from 14
select null as key
where set_config('default_toast_compression', 'lz4', true) is null
