-- func.proconfig_unknown: the target knows the settings of functions
--
-- level: database
-- severity: failed
-- message: {count} {function sets|functions set} a parameter that the target does not have, or that
--     our role may not set there
-- why: CREATE FUNCTION ... SET is refused.
-- explains: unrecognized configuration parameter
-- explains: permission denied to set parameter
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

-- on the target before 15
select k.key
from unnest($1::text[]) k (key)
join pg_roles r on r.rolname = current_user
left join pg_settings s on lower(s.name) = lower(k.key)
where case
    when s.context in ('superuser', 'superuser-backend') then not r.rolsuper
    when s.name is null
        -- Still taken, or taken always, though listed nowhere.
        then k.key !~ '\.' and k.key not in ('default_with_oids', 'role', 'session_authorization', 'seed')
    else s.context in ('internal', 'postmaster', 'sighup')
end

-- on the target from 15
select k.key
from unnest($1::text[]) k (key)
left join pg_settings s on lower(s.name) = lower(k.key)
where case
    when s.context in ('superuser', 'superuser-backend') or s.name is null and k.key ~ '\.'
        then not has_parameter_privilege(k.key, 'SET')
    when s.name is null then k.key not in ('default_with_oids', 'role', 'session_authorization', 'seed')
    else s.context in ('internal', 'postmaster', 'sighup')
end
