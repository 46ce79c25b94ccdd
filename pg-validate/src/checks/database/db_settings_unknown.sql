-- db.settings_unknown: the target knows the settings of databases and roles
--
-- level: database
-- severity: failed
-- message: {count} {setting|settings} of databases or roles {does|do} not exist on the target, or
--     may not be set there by our role
-- why: ALTER DATABASE or ALTER ROLE ... SET is refused; the setting is missing there. Some
--     parameters are for superusers; from 15 on all that no extension has defined are, too.
-- explains: unrecognized configuration parameter
-- explains: permission denied to set parameter
-- manual: sql-alterdatabase

-- on the source
select
    concat_ws(' in ', coalesce(quote_ident(r.rolname), 'all roles'), quote_ident(d.datname)) as object,
    c.entry as detail,
    split_part(c.entry, '=', 1) as key,
    format(
        'alter %s reset %s;',
        case
            when r.oid is null then format('database %I', d.datname)
            when d.oid is null then format('role %I', r.rolname)
            else format('role %I in database %I', r.rolname, d.datname)
        end,
        split_part(c.entry, '=', 1)
    ) as fix
from pg_db_role_setting s
left join pg_roles r on r.oid = s.setrole
left join pg_database d on d.oid = s.setdatabase
cross join lateral unnest(s.setconfig) c (entry)
where s.setdatabase in (0, (select o.oid from pg_database o where o.datname = current_database()))
  and (r.oid is not null or d.oid is not null)
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
