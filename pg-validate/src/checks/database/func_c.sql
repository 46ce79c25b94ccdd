-- func.c: no function is of the language C
--
-- level: database
-- severity: failed when not superuser
-- severity: warning
-- message: {count} {function|functions} in C {needs its|need their} library on the target, and a
--     superuser
-- why: CREATE FUNCTION looks into the library, and only superusers may use the language.
-- explains: permission denied for language c
-- explains: could not access file
-- manual: xfunc-c

-- on the source
select p.oid::regprocedure::text as object, p.probin as detail
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
  and l.lanname = 'c'
order by 1
