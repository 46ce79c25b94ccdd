-- acl.dangling: every grant is to a role that exists
--
-- level: database
-- severity: warning
-- message: {count} {relation has|relations have} grants to roles that are gone
-- why: A dump writes the number in place of the name, and GRANT is refused.
-- manual: sql-grant

-- on the source
select distinct c.oid::regclass::text as object, format('role %s', a.grantee) as detail
from pg_class c
cross join lateral aclexplode(c.relacl) a
where a.grantee <> 0
  and not exists (select from pg_roles r where r.oid = a.grantee)
order by 1
