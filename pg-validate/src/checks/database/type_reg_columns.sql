-- type.reg_columns: no column names objects of the catalog
--
-- level: database
-- severity: warning
-- message: {count} {column names|columns name} objects of the catalog
-- why: Such values are copied as names: what a value names must exist on the target when its row
--     arrives, and functions, tables and types do, but indexes and what was filtered out do not.
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
  and format_type(a.atttypid, null) ~ '^(regproc|regprocedure|regoper|regoperator|regclass|regconfig|regdictionary|regrole|regcollation|regdatabase)(\[\])?$'
order by n.nspname, c.relname, a.attnum
