-- role.missing: the roles that the source database uses exist on the target
--
-- level: database
-- severity: failed
-- message: {count} {role|roles} of the source {does|do} not exist on the target
-- why: Owners and grants are refused without them. They are created, without passwords, where the
--     target role may create roles; else the status is Failed.
-- azure: 603103
-- manual: sql-createrole

-- on the source
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
select
    quote_ident(r.rolname) as object,
    r.rolname as key,
    concat(
        format('create role %I', r.rolname),
        case when r.rolcanlogin then ' login' end,
        case when not r.rolinherit then ' noinherit' end,
        case when r.rolcreatedb then ' createdb' end,
        case when r.rolcreaterole then ' createrole' end,
        ';'
    ) as fix_there
from used
join pg_roles r on r.oid = used.oid
where r.rolname !~ '^pg_'
order by r.rolname

-- on the target
select
    k.key,
    case when own.rolsuper or own.rolcreaterole then 'warning' end as severity
from unnest($1::text[]) k (key)
join pg_roles own on own.rolname = current_user
where not exists (select from pg_roles r where r.rolname = k.key)
