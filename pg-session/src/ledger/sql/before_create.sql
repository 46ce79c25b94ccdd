-- What can be altered and not dropped in a database that is loaded in place, as it is before
-- anything is made there: owners, grants, comments, settings, extensions. Since 9.6.
create table pgmig.before (
    property text not null,
    catalog text not null,
    object oid not null,
    -- Number of a column, otherwise 0; of default privileges the letter of their kind.
    part text not null,
    value text,
    primary key (property, catalog, object, part)
);

insert into pgmig.before (property, catalog, object, part, value)
select 'owner', 'pg_namespace', n.oid, '0', pg_get_userbyid(n.nspowner)::text
from pg_namespace n
where n.nspname <> 'pgmig' and n.nspname !~ '^pg_(toast_)?temp_'
union all
select 'acl', 'pg_namespace', n.oid, '0', n.nspacl::text
from pg_namespace n
where n.nspacl is not null and n.nspname <> 'pgmig'
union all
select 'acl', 'pg_class', c.oid, '0', c.relacl::text
from pg_class c
where c.relacl is not null and c.relnamespace <> 'pgmig'::regnamespace
union all
select 'acl', 'pg_attribute', a.attrelid, a.attnum::text, a.attacl::text
from pg_attribute a
where a.attacl is not null
union all
select 'acl', 'pg_proc', p.oid, '0', p.proacl::text from pg_proc p where p.proacl is not null
union all
select 'acl', 'pg_type', t.oid, '0', t.typacl::text from pg_type t where t.typacl is not null
union all
select 'acl', 'pg_language', l.oid, '0', l.lanacl::text from pg_language l where l.lanacl is not null
union all
select 'acl', 'pg_foreign_data_wrapper', w.oid, '0', w.fdwacl::text
from pg_foreign_data_wrapper w
where w.fdwacl is not null
union all
select 'acl', 'pg_foreign_server', s.oid, '0', s.srvacl::text
from pg_foreign_server s
where s.srvacl is not null
union all
select 'acl', 'pg_database', d.oid, '0', d.datacl::text
from pg_database d
where d.datname = current_database() and d.datacl is not null
union all
select 'default acl', 'pg_default_acl', a.defaclrole, a.defaclnamespace || a.defaclobjtype::text, a.defaclacl::text
from pg_default_acl a
union all
select 'extension', 'pg_extension', e.oid, '0', null from pg_extension e
union all
select 'comment', d.classoid::regclass::text, d.objoid, '0', d.description
from pg_description d
where d.classoid in ('pg_namespace'::regclass, 'pg_extension'::regclass)
  and d.objoid is distinct from (select n.oid from pg_namespace n where n.nspname = 'pgmig')
union all
select 'setting', 'pg_db_role_setting', s.setrole, '0', s.setconfig::text
from pg_db_role_setting s
where s.setdatabase = (select d.oid from pg_database d where d.datname = current_database())
union all
select 'connection limit', 'pg_database', d.oid, '0', d.datconnlimit::text
from pg_database d
where d.datname = current_database()
union all
select 'is template', 'pg_database', d.oid, '0', d.datistemplate::text
from pg_database d
where d.datname = current_database()
