-- type.money: columns of type money
--
-- level: database
-- severity: info
-- message: {count} {column is|columns are} money, which is copied with lc_monetary = C on both
--     sides
-- why: What applications see depends on lc_monetary of the server, also where they divide and
--     format.
-- manual: datatype-money

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
  and a.atttypid in ('money'::regtype, 'money[]'::regtype)
order by n.nspname, c.relname, a.attnum
