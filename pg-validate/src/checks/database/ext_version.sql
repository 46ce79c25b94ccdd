-- ext.version: the target creates extensions in the source's version
--
-- level: database
-- severity: warning
-- message: {count} {extension|extensions} will have another version on the target
-- why: A dump names no version, so that the target's default is made. Functions may have changed;
--     TimescaleDB must be of the very same version on both sides.
-- azure: 603406
-- manual: sql-createextension

-- on the source
select
    quote_ident(e.extname) as object,
    e.extname || '=' || e.extversion as key
from pg_extension e
where e.extname <> 'plpgsql'
order by e.extname

-- on the target
select
    k.key,
    format('%s, the target makes %s', k.version, a.default_version) as detail,
    case
        when a.name = 'timescaledb' then 'failed'
        when a.name in ('pg_partman', 'postgis', 'citus')
            and split_part(a.default_version, '.', 1) <> split_part(k.version, '.', 1) then 'failed'
    end as severity
from (
    select t.key, split_part(t.key, '=', 1) as name, substr(t.key, strpos(t.key, '=') + 1) as version
    from unnest($1::text[]) t (key)
) k
join pg_available_extensions a on a.name = k.name
where a.default_version <> k.version
