-- acl.catalog_grants: nothing is granted on catalogs
--
-- level: database
-- severity: failed when not superuser
-- severity: warning
-- message: something is granted on {count} {catalog|catalogs}
-- why: Only a superuser may grant there, and Azure refuses it; what it allowed may be wider or
--     narrower in another version.
-- explains: permission denied for table pg_
-- azure: 603410
-- manual: sql-grant

-- on the source
select
    c.oid::regclass::text as object,
    array_to_string(c.relacl, ' ') as detail,
    (
        select string_agg(
            format(
                'revoke %s on %s from %s;', g.privileges, c.oid::regclass, coalesce(quote_ident(r.rolname), 'public')
            ),
            ' '
        )
        from (
            select a.grantee, string_agg(distinct lower(a.privilege_type), ', ') as privileges
            from aclexplode(c.relacl) a
            where a.grantee <> c.relowner
              and not exists (
                  select
                  from aclexplode(i.initprivs) o
                  where o.grantee = a.grantee and o.privilege_type = a.privilege_type
              )
            group by a.grantee
        ) g
        left join pg_roles r on r.oid = g.grantee
    ) as fix
from pg_class c
left join pg_init_privs i
    on i.objoid = c.oid and i.classoid = 'pg_class'::regclass and i.objsubid = 0
where c.relnamespace = 'pg_catalog'::regnamespace
  and exists (
      select
      from aclexplode(c.relacl) a
      where a.grantee <> c.relowner
        and not exists (
            select
            from aclexplode(i.initprivs) o
            where o.grantee = a.grantee and o.privilege_type = a.privilege_type
        )
  )
order by 1
