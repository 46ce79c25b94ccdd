-- tbl.inheritance: tables that others inherit from
--
-- level: database
-- severity: info
-- message: {count} {table has|tables have} children by inheritance
-- why: Rows are copied table by table, those of children not twice.
-- manual: ddl-inherit

-- on the source
select i.inhparent::regclass::text as object, format('%s children', count(*)) as detail
from pg_inherits i
join pg_class c on c.oid = i.inhparent
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
group by i.inhparent
order by 1
