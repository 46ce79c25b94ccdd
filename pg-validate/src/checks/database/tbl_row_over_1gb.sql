-- tbl.row_over_1gb: no row may be too large for COPY
--
-- level: database
-- severity: warning
-- message: {count} {table has|tables have} more than 256 MB of wide values: a row may be too large
--     for COPY
-- why: COPY builds a whole row in a buffer of less than 1 GB; bytea takes twice its size as text.
--     --deep looks at the rows.
-- manual: limits

-- on the source
select c.oid::regclass::text as object, pg_size_pretty(o.relpages * current_setting('block_size')::bigint) as detail
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_class o on o.oid = c.reltoastrelid
where c.relkind in ('r', 'm')
  and o.relpages * current_setting('block_size')::bigint > 268435456
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by n.nspname, c.relname
