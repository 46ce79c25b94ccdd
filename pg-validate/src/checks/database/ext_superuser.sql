-- ext.superuser: the target role may create the extensions
--
-- level: database
-- severity: warning
-- message: {count} {extension|extensions} may be created by a superuser only
-- why: CREATE EXTENSION is refused unless it is there already. On managed servers the
--     administrator's role may create those on the provider's list.
-- explains: permission denied to create extension
-- manual: sql-createextension

-- on the source
select quote_ident(e.extname) as object, e.extversion as detail, e.extname as key
from pg_extension e
where e.extname <> 'plpgsql'
order by e.extname

-- on the target
select v.name as key, format('create extension %I; -- as superuser', v.name) as fix
from pg_available_extensions a
join pg_available_extension_versions v on v.name = a.name and v.version = a.default_version
where a.name = any ($1::text[])
  and v.superuser
  and not coalesce((to_jsonb(v) ->> 'trusted')::boolean, false)
  and a.installed_version is null
  and not (select r.rolsuper from pg_roles r where r.rolname = current_user)
  and not exists (
      select
      from pg_roles p
      where p.rolname in ('azure_pg_admin', 'rds_superuser', 'cloudsqlsuperuser', 'alloydbsuperuser')
        and pg_has_role(p.oid, 'MEMBER')
  )
