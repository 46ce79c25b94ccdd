-- func.proconfig_unknown: the target knows the settings of functions
--
-- level: database
-- severity: failed
-- message: {count} {function sets|functions set} a parameter that the target does not have
-- why: CREATE FUNCTION ... SET is refused.
-- explains: unrecognized configuration parameter
-- manual: sql-createfunction

-- on the source
select
    p.oid::regprocedure::text as object,
    c.entry as detail,
    split_part(c.entry, '=', 1) as key,
    format('alter function %s reset %s;', p.oid::regprocedure, split_part(c.entry, '=', 1)) as fix
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
cross join lateral unnest(p.proconfig) c (entry)
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
order by 1, 2

-- on the target
select k.key
from unnest($1::text[]) k (key)
where k.key !~ '\.'
  and not exists (select from pg_settings s where lower(s.name) = lower(k.key))
