-- type.base: no type is a base type of its own
--
-- level: database
-- applies: not superuser
-- severity: failed
-- message: {count} base {type|types} may be created by a superuser only
-- why: A base type has functions in C that nothing checks.
-- explains: must be superuser to create a base type
-- manual: sql-createtype

-- on the source
select t.oid::regtype::text as object
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
where t.typtype = 'b'
  and t.typisdefined
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (select from pg_type e where e.typarray = t.oid)
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
  )
order by 1
