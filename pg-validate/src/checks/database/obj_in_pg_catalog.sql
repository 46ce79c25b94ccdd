-- obj.in_pg_catalog: nothing of a user stands in a system schema
--
-- level: database
-- severity: failed
-- message: {count} {object|objects} of users {stands|stand} in a system schema
-- why: pg_dump leaves system schemas out: it does not arrive.
-- manual: ddl-schemas

-- on the source
select c.oid::regclass::text as object, format('alter %s %s set schema public;', case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, c.oid::regclass) as fix
from pg_class c
where c.oid >= 16384
  and c.relkind not in ('i', 'I', 't')
  and c.relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
union all
select p.oid::regprocedure::text, format('alter function %s set schema public;', p.oid::regprocedure)
from pg_proc p
where p.oid >= 16384
  and p.pronamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
order by 1
