-- All databases with what CREATE DATABASE needs to make their like; the comment of the
-- current one only. Columns that came later are read through jsonb, so that one text serves
-- all versions. Since 9.5.
select
    d.datname as name,
    case
        when has_database_privilege(d.oid, 'CONNECT') then pg_database_size(d.oid)
    end as bytes,
    pg_encoding_to_char(d.encoding)::text as encoding,
    coalesce(to_jsonb(d) ->> 'datcollate', 'C') as collate,
    coalesce(to_jsonb(d) ->> 'datctype', 'C') as ctype,
    case to_jsonb(d) ->> 'datlocprovider'
        when 'i' then 'icu'
        when 'b' then 'builtin'
        else 'libc'
    end as locale_provider,
    coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale,
    to_jsonb(d) ->> 'daticurules' as icu_rules,
    pg_get_userbyid(d.datdba)::text as owner,
    -- Comments on other databases are in their encoding, whatever it is.
    case
        when d.datname = current_database() then shobj_description(d.oid, 'pg_database')
    end as comment,
    d.datistemplate as is_template,
    -- -2: its removal was cut short, nobody can connect any more.
    d.datallowconn and d.datconnlimit <> -2 as takes_connections
from pg_database d
order by d.datname
