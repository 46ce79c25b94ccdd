-- What gives a platform away: kind (function, setting, database, role) and name. Since 9.5.
select 'function' as kind, p.proname::text as name
from pg_proc p
where p.proname = 'aurora_version'
union
select 'setting', s.name::text
from pg_settings s
where s.name ~ '^(rds|azure|cloudsql|alloydb|neon)\.'
union
select 'database', d.datname::text
from pg_database d
where d.datname in ('rdsadmin', 'azure_sys', 'azure_maintenance', 'cloudsqladmin', 'alloydbadmin', '_aiven')
union
select 'role', r.rolname::text
from pg_roles r
where r.rolname = 'supabase_admin'
order by 1, 2
