-- type.system_rowtype: no column has the shape of a catalog's row
--
-- level: database
-- applies: majors differ
-- severity: failed
-- message: {count} {column has|columns have} the type of a catalog's row
-- why: Catalogs change from one major version to the next, and values of another shape are
--     refused.
-- manual: rowtypes

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
  and t.typtype = 'c'
  and t.typnamespace in (
      select s.oid from pg_namespace s where s.nspname in ('pg_catalog', 'information_schema')
  )
order by n.nspname, c.relname, a.attnum
