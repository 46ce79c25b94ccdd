-- Roles that this database needs: owners, grantees and others that its objects refer to, the
-- roles that they are members of, and the members of all these. System roles (pg_...) are left
-- out; groups come before their members.
-- $1: owners by name, because nothing says that the bootstrap superuser owns something.
-- $2: whether owners count. $3: whether grantees count. Since 9.5.
with recursive
used (oid) as (
    select d.refobjid
    from pg_shdepend d
    where d.refclassid = 'pg_authid'::regclass
      and (
          d.dbid = (select oid from pg_database where datname = current_database())
          or d.dbid = 0
          and d.classid = 'pg_database'::regclass
          and d.objid = (select oid from pg_database where datname = current_database())
      )
      and (
          d.deptype = 'o' and ($2::boolean or d.classid = 'pg_user_mapping'::regclass)
          or d.deptype = 'a' and $3::boolean
          or d.deptype not in ('o', 'a', 'i')
      )
    union
    select r.oid from pg_roles r where $2::boolean and r.rolname = any ($1::text[])
    union
    select d.datdba from pg_database d where $2::boolean and d.datname = current_database()
    union
    select s.setrole
    from pg_db_role_setting s
    join pg_database d on d.oid = s.setdatabase and d.datname = current_database()
    where s.setrole <> 0
),
groups (oid) as (
    select oid from used
    union
    select m.roleid from groups join pg_auth_members m on m.member = groups.oid
),
needed (oid) as (
    select oid from groups
    union
    select m.member
    from needed
    join pg_auth_members m on m.roleid = needed.oid
    join pg_roles g on g.oid = m.roleid and g.rolname !~ '^pg_'
),
depth (oid, level) as (
    select oid, 0 from needed
    union
    select m.member, depth.level + 1
    from depth
    join pg_auth_members m on m.roleid = depth.oid
    where m.member in (select oid from needed) and depth.level < 32
)
select
    r.rolname as name,
    array_remove(array[
        case when r.rolsuper then 'SUPERUSER' end,
        case when not r.rolinherit then 'NOINHERIT' end,
        case when r.rolcreaterole then 'CREATEROLE' end,
        case when r.rolcreatedb then 'CREATEDB' end,
        case when r.rolcanlogin then 'LOGIN' end,
        case when r.rolreplication then 'REPLICATION' end,
        case when r.rolbypassrls then 'BYPASSRLS' end,
        case when r.rolconnlimit <> -1 then 'CONNECTION LIMIT ' || r.rolconnlimit end,
        case when r.rolvaliduntil is not null then format('VALID UNTIL %L', r.rolvaliduntil) end
    ], null) as attributes,
    -- From 16 on several grantors can each have granted a membership.
    coalesce((
        select jsonb_agg(
            jsonb_build_object('role', g.name, 'admin', g.admin, 'inherit', g.inherit, 'set', g.set)
            order by g.name
        )
        from (
            select
                g.rolname as name,
                bool_or(m.admin_option) as admin,
                bool_or((to_jsonb(m) ->> 'inherit_option')::boolean) as inherit,
                bool_or((to_jsonb(m) ->> 'set_option')::boolean) as set
            from pg_auth_members m
            join pg_roles g on g.oid = m.roleid
            where m.member = r.oid
            group by g.rolname
        ) g
    ), '[]')::text as member_of,
    coalesce(r.rolconfig, '{}') as settings,
    shobj_description(r.oid, 'pg_authid') as comment
from pg_roles r
join (select oid, max(level) as level from depth group by oid) d on d.oid = r.oid
where r.rolname !~ '^pg_'
order by d.level, r.rolname
