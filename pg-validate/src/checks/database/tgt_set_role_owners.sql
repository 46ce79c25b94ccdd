-- tgt.set_role_owners: the target role may give objects to their owners
--
-- level: database
-- severity: failed
-- message: {target_user} cannot become a member of {count} {owner|owners} of objects
-- why: Only a superuser or a member of the new owner may give an object away. From 16 on ADMIN on
--     the role is needed to become one, before that CREATEROLE.
-- explains: must be able to SET ROLE
-- manual: sql-alterrole

-- on the source
select o.owner as object, o.name as key
from (
    select distinct quote_ident(r.rolname) as owner, r.rolname as name
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_roles r on r.oid = c.relowner
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
) o
order by o.owner

-- on the target
select
    r.rolname as key,
    format('grant %I to %I with admin option;', r.rolname, current_user) as fix
from pg_roles r
cross join pg_roles own
where own.rolname = current_user
  and not own.rolsuper
  and r.rolname = any ($1::text[])
  and not pg_has_role(r.oid, 'MEMBER')
  and case
      when current_setting('server_version_num')::integer >= 160000
          then not pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')
      else not own.rolcreaterole or r.rolsuper
  end
