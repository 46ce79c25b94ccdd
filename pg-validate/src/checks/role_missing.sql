-- Roles that the current database uses: owners, grantees, roles of policies and default
-- privileges. Predefined roles are left out. The bootstrap superuser stands in pg_shdepend
-- nowhere, so owners are also read from the objects. Since 9.5.
with used (oid) as (
    select s.refobjid
    from pg_shdepend s
    join pg_database d on d.datname = current_database()
    where s.refclassid = 'pg_authid'::regclass
      and (s.dbid = d.oid or (s.classid = 'pg_database'::regclass and s.objid = d.oid))
    union
    select d.datdba from pg_database d where d.datname = current_database()
    union
    select n.nspowner
    from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public')
    union
    select c.relowner
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    union
    select p.proowner
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    union
    select t.typowner
    from pg_type t
    join pg_namespace n on n.oid = t.typnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
)
select r.rolname::text as name
from used
join pg_roles r on r.oid = used.oid
where r.rolname !~ '^pg_'
order by r.rolname
