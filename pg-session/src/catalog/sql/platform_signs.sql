-- What gives a platform away: kind (version, function, setting, database, role, schema) and
-- name. Since 9.5.
select 'version' as kind, 'EnterpriseDB' as name
where version() like '%EnterpriseDB%'
union
select 'function', p.proname::text
from pg_proc p
where p.proname = 'aurora_version'
union
select 'setting', s.name::text
from pg_settings s
where s.name ~ '^(rds|azure|cloudsql|alloydb|neon)\.'
union
select 'database', d.datname::text
from pg_database d
where d.datname in (
    'rdsadmin', 'azure_sys', 'azure_maintenance', 'cloudsqladmin', 'alloydbadmin', '_aiven', '_dodb'
)
union
select 'role', r.rolname::text
from pg_roles r
where r.rolname in (
    'azure_pg_admin', 'citus', 'supabase_admin', 'neon_superuser', 'heroku_admin', 'doadmin',
    'crunchy_superuser', 'crunchy_read', 'crunchy_write', 'tsdbadmin', 'avnadmin'
)
union
select 'schema', n.nspname::text
from pg_namespace n
where n.nspname in ('heroku_ext', '_heroku')
order by 1, 2
