-- role.superuser: no role needs to be a superuser
--
-- level: instance
-- applies: target managed
-- severity: warning
-- message: {count} {role is a superuser|roles are superusers}, which a managed server has none of
-- why: The role is created without it. Give it what it needs by the roles that the platform has.
-- manual: role-attributes

-- on the source
select quote_ident(r.rolname) as object
from pg_roles r
where r.rolsuper and r.oid >= 16384
order by 1
