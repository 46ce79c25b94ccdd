-- db.big: tables that take long
--
-- level: database
-- severity: info
-- message: {count} {table is|tables are} larger than 1 GB
-- why: They are copied in parts, side by side, where the source is 14 or newer; the largest one
--     decides how long it takes.
-- manual: diskusage

-- on the source
select
    c.oid::regclass::text as object,
    pg_size_pretty(c.relpages * current_setting('block_size')::bigint) as detail
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and c.relpages * current_setting('block_size')::bigint > 1073741824
order by c.relpages desc
