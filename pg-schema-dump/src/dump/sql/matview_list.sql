-- Materialized views that hold rows. Since 9.5.
select n.nspname as schema, c.relname as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'm'
  and c.relispopulated
order by n.nspname, c.relname
