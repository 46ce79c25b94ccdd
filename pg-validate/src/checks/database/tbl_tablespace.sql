-- tbl.tablespace: the target has the tablespaces
--
-- level: database
-- severity: failed
-- message: {count} {relation or database stands|relations or databases stand} in a tablespace that
--     the target does not have
-- why: CREATE TABLE is refused. Only superusers make tablespaces, and managed servers have none;
--     pg-schema-dump and pg-schema-apply leave them out with --no-tablespaces.
-- explains: tablespace
-- manual: manage-ag-tablespaces

-- on the source
select
    c.oid::regclass::text as object,
    quote_ident(s.spcname) as detail,
    s.spcname as key,
    format(
        'alter %s %s set tablespace pg_default;',
        case c.relkind when 'i' then 'index' when 'I' then 'index' when 'm' then 'materialized view' else 'table' end,
        c.oid::regclass
    ) as fix
from pg_class c
join pg_tablespace s on s.oid = c.reltablespace
where s.spcname not in ('pg_default', 'pg_global')
  and c.relkind in ('r', 'p', 'm', 'i', 'I')
union all
select
    format('database %I', d.datname),
    quote_ident(s.spcname),
    s.spcname,
    format('alter database %I set tablespace pg_default; -- when nobody is connected', d.datname)
from pg_database d
join pg_tablespace s on s.oid = d.dattablespace
where d.datname = current_database() and s.spcname <> 'pg_default'
order by 1

-- on the target
select k.key
from unnest($1::text[]) k (key)
where not exists (select from pg_tablespace s where s.spcname = k.key)
