-- type.no_binary_io: types that go as text
--
-- level: database
-- severity: info
-- message: {count} {type has|types have} no binary form: tables that use {it|them} are copied as
--     text
-- why: pg-copy chooses that by itself; it costs the target about a third more.
-- manual: sql-createtype

-- on the source
select distinct t.oid::regtype::text as object
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
  and (t.typsend = 0 or t.typreceive = 0)
order by 1
