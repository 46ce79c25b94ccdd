-- db.settings_unknown: the target knows the settings of databases and roles
--
-- level: database
-- severity: failed
-- message: {count} {setting|settings} of databases or roles {does|do} not exist on the target, or
--     may not be set there by our role
-- why: ALTER DATABASE or ALTER ROLE ... SET is refused; the setting is missing there. From 15 on
--     only a superuser sets parameters that no extension has defined.
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

-- on the target
select k.key
from unnest($1::text[]) k (key)
where not exists (select from pg_settings s where lower(s.name) = lower(k.key))
  and case
      when k.key ~ '\.'
          then current_setting('server_version_num')::integer >= 150000
              and not (select r.rolsuper from pg_roles r where r.rolname = current_user)
      -- Still taken, though listed nowhere.
      else k.key <> 'default_with_oids'
  end
