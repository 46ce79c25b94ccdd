-- type.xml: the target can read XML
--
-- level: database
-- severity: failed
-- refused: 0A000
-- message: {count} {column is|columns are} XML, and the target was built without it
-- why: Values are refused: "unsupported XML feature".
-- manual: datatype-xml

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
  and a.atttypid in ('xml'::regtype, 'xml[]'::regtype)
order by n.nspname, c.relname, a.attnum

-- on the target
select null as key
where xmlparse(content '<a/>') is null
