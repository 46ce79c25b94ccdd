-- Statements that put back what was altered in this database and not made there: grants, default
-- privileges, comments, the database's settings. Settings come last, since they are tried in the
-- transaction. Since 11.
with
was as (select b.* from pgmig.before b),
-- What can have grants and was there before. Others are ours and gone, or somebody's.
grantable (catalog, object, part, target, columns, code, owner, acl) as (
    select 'pg_namespace', n.oid, '0', format('schema %I', n.nspname), '', 'n', n.nspowner, n.nspacl
    from pg_namespace n
    where exists (select from was where was.property = 'owner' and was.object = n.oid)
    union all
    select
        'pg_class', c.oid, '0',
        case c.relkind when 'S' then 'sequence ' else 'table ' end || c.oid::regclass, '',
        case c.relkind when 'S' then 's' else 'r' end, c.relowner, c.relacl
    from pg_class c
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select
        'pg_attribute', a.attrelid, a.attnum::text, 'table ' || a.attrelid::regclass,
        format(' (%I)', a.attname), 'c', c.relowner, a.attacl
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    where a.attnum <> 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f')
    union all
    select 'pg_proc', p.oid, '0', 'routine ' || p.oid::regprocedure, '', 'f', p.proowner, p.proacl
    from pg_proc p
    union all
    select 'pg_type', t.oid, '0', 'type ' || t.oid::regtype, '', 'T', t.typowner, t.typacl
    from pg_type t
    union all
    select 'pg_language', l.oid, '0', format('language %I', l.lanname), '', 'l', l.lanowner, l.lanacl
    from pg_language l
    union all
    select
        'pg_foreign_data_wrapper', w.oid, '0', format('foreign data wrapper %I', w.fdwname), '',
        'F', w.fdwowner, w.fdwacl
    from pg_foreign_data_wrapper w
    union all
    select
        'pg_foreign_server', s.oid, '0', format('foreign server %I', s.srvname), '',
        'S', s.srvowner, s.srvacl
    from pg_foreign_server s
    union all
    select 'pg_database', d.oid, '0', format('database %I', d.datname), '', 'd', d.datdba, d.datacl
    from pg_database d
    where d.datname = current_database()
),
changed as (
    select g.*, was.value::aclitem[] as former
    from grantable g
    left join was
        on was.property = 'acl' and was.catalog = g.catalog and was.object = g.object and was.part = g.part
    where g.acl::text is distinct from was.value
      and (
          g.object < 16384
          or g.catalog in ('pg_namespace', 'pg_database')
          or exists (
              select from pg_depend d
              join was e on e.property = 'extension' and e.object = d.refobjid
              where d.classid = case g.catalog when 'pg_attribute' then 'pg_class' else g.catalog end::regclass
                and d.objid = g.object
                and d.deptype = 'e'
          )
      )
),
items as (
    select c.target, c.columns, c.owner, false as former, i.*
    from changed c
    cross join lateral aclexplode(coalesce(c.acl, acldefault(c.code::"char", c.owner))) i
    union all
    select c.target, c.columns, c.owner, true, i.*
    from changed c
    cross join lateral aclexplode(coalesce(c.former, acldefault(c.code::"char", c.owner))) i
),
grants (place, statement) as (
    select
        case when i.former then 3 when i.grantor <> i.owner then 1 else 2 end,
        format(
            '%s%s %s%s on %s %s %s%s',
            case when i.grantor <> i.owner then format('set local role %I; ', pg_get_userbyid(i.grantor)) end,
            case when i.former then 'grant' else 'revoke' end,
            i.privilege_type, i.columns, i.target,
            case when i.former then 'to' else 'from' end,
            case when i.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(i.grantee)) end,
            case when i.former and i.is_grantable then ' with grant option' else '' end
            || case when i.grantor <> i.owner then '; reset role' else '' end
        )
    from items i
    where not exists (
        select from items o
        where (o.target, o.columns, o.grantor, o.grantee, o.privilege_type, o.is_grantable)
              = (i.target, i.columns, i.grantor, i.grantee, i.privilege_type, i.is_grantable)
          and o.former <> i.former
    )
),
defaults as (
    select
        coalesce(a.defaclrole, was.object) as role,
        coalesce(a.defaclnamespace || a.defaclobjtype::text, was.part) as part,
        a.defaclacl as acl,
        was.value::aclitem[] as former
    from pg_default_acl a
    full join (select * from was where was.property = 'default acl') was
        on was.object = a.defaclrole and was.part = a.defaclnamespace || a.defaclobjtype::text
    where a.defaclacl::text is distinct from was.value
),
default_items as (
    select d.role, d.part, f.former, i.*
    from defaults d
    cross join (values (false), (true)) f (former)
    cross join lateral aclexplode(coalesce(
        case when f.former then d.former else d.acl end,
        case when left(d.part, -1) = '0' then
            acldefault(case right(d.part, 1) when 'S' then 's' else right(d.part, 1) end::"char", d.role)
        else '{}' end
    )) i
),
default_grants (place, statement) as (
    select
        case when i.former then 5 else 4 end,
        format(
            'alter default privileges for role %I%s %s %s on %s %s %s%s',
            pg_get_userbyid(i.role),
            (
                select format(' in schema %I', n.nspname)
                from pg_namespace n
                where n.oid = left(i.part, -1)::oid
            ),
            case when i.former then 'grant' else 'revoke' end,
            i.privilege_type,
            case right(i.part, 1)
                when 'r' then 'tables'
                when 'S' then 'sequences'
                when 'f' then 'functions'
                when 'T' then 'types'
                when 'n' then 'schemas'
                else 'large objects'
            end,
            case when i.former then 'to' else 'from' end,
            case when i.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(i.grantee)) end,
            case when i.former and i.is_grantable then ' with grant option' else '' end
        )
    from default_items i
    where not exists (
        select from default_items o
        where (o.role, o.part, o.grantee, o.privilege_type, o.is_grantable)
              = (i.role, i.part, i.grantee, i.privilege_type, i.is_grantable)
          and o.former <> i.former
    )
),
comments (place, statement) as (
    select 6, format('comment on %s %I is %L', c.kind, c.name, was.value)
    from (
        select 'pg_namespace', n.oid, 'schema', n.nspname
        from pg_namespace n
        where exists (select from was where was.property = 'owner' and was.object = n.oid)
        union all
        select 'pg_extension', e.oid, 'extension', e.extname
        from pg_extension e
        where exists (select from was where was.property = 'extension' and was.object = e.oid)
    ) c (catalog, oid, kind, name)
    left join was on was.property = 'comment' and was.catalog = c.catalog and was.object = c.oid
    where obj_description(c.oid, c.catalog::name) is distinct from was.value
),
database_is (place, statement) as (
    select 7, format('alter database %I connection limit %s', d.datname, was.value)
    from pg_database d
    join was on was.property = 'connection limit' and was.object = d.oid
    where d.datconnlimit::text <> was.value
    union all
    select 7, format('alter database %I is_template %s', d.datname, was.value)
    from pg_database d
    join was on was.property = 'is template' and was.object = d.oid
    where d.datistemplate::text <> was.value
),
settings as (
    select coalesce(s.setrole, was.object) as role, was.value::text[] as former
    from (
        select s.setrole, s.setconfig
        from pg_db_role_setting s
        join pg_database d on d.oid = s.setdatabase and d.datname = current_database()
    ) s
    full join (select * from was where was.property = 'setting') was on was.object = s.setrole
    where s.setconfig::text is distinct from was.value
),
altered as (
    select
        s.former,
        case when s.role = 0 then format('alter database %I', current_database())
        else format('alter role %I in database %I', pg_get_userbyid(s.role), current_database()) end as whose
    from settings s
    where s.role = 0 or exists (select from pg_roles r where r.oid = s.role)
),
settings_back (place, statement) as (
    select 8, a.whose || ' reset all' from altered a
    union all
    select
        9,
        format(
            'select set_config(%1$L, %2$L, true); %3$s set %1$s from current',
            split_part(f.setting, '=', 1), substr(f.setting, strpos(f.setting, '=') + 1), a.whose
        )
    from altered a
    cross join lateral unnest(a.former) f (setting)
)
select s.place, s.statement
from (
    select * from grants
    union all select * from default_grants
    union all select * from comments
    union all select * from database_is
    union all select * from settings_back
) s
order by s.place, s.statement
