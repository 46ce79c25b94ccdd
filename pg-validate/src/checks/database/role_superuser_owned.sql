-- role.superuser_owned: no object belongs to a superuser
--
-- level: database
-- applies: not superuser
-- severity: warning
-- message: {count} {relation belongs|relations belong} to a superuser of the source
-- why: Only a superuser can give something to another one. Give the objects to an ordinary role,
--     or use --role-map of pg-schema-dump.
-- manual: sql-reassign-owned

-- on the source
select c.oid::regclass::text as object, format('of %I', r.rolname) as detail
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_roles r on r.oid = c.relowner
where r.rolsuper
  and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by n.nspname, c.relname
