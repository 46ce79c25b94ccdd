-- fn.sql_atomic: the target takes functions with a parsed body
--
-- level: database
-- applies: target < 14
-- severity: failed
-- message: {count} {function has|functions have} a body in SQL itself (BEGIN ATOMIC), which the
--     target does not know
-- why: The syntax came with 14.
-- manual: sql-createfunction

-- on the source from 14
select p.oid::regprocedure::text as object
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
  and p.prosqlbody is not null
order by 1
