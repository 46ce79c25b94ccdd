-- sec.definer_no_path: functions with the rights of their owner
--
-- level: database
-- severity: info
-- message: {count} {function runs|functions run} with its owner's rights and without a search_path
--     of its own
-- why: Whoever can create objects in a schema of the search_path can have code run as the owner;
--     with another owner on the target, with other rights.
-- manual: sql-createfunction

-- on the source
select
    p.oid::regprocedure::text as object,
    format('alter function %s set search_path = %I, pg_temp;', p.oid::regprocedure, n.nspname) as fix
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
  and p.prosecdef
  and not exists (select from unnest(p.proconfig) s (entry) where s.entry ~ '^search_path=')
order by 1
