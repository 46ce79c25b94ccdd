-- ident.columns: identity columns
--
-- level: database
-- severity: info
-- message: {count} identity {column keeps its|columns keep their} numbers
-- why: COPY sets them, also where they are GENERATED ALWAYS; their sequences are set at the end.
-- manual: ddl-identity-columns

-- on the source from 10
select
    format('%s.%I', c.oid::regclass, a.attname) as object,
    case a.attidentity when 'a' then 'always' else 'by default' end as detail
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
  and a.attidentity <> ''
order by n.nspname, c.relname, a.attnum
