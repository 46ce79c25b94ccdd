-- part.column_order: partitions with columns in another order
--
-- level: database
-- severity: info
-- message: {count} {partition or child has|partitions or children have} columns in another place
--     than the parent
-- why: Columns are copied by name; a dump may put them in another order.
-- manual: ddl-partitioning

-- on the source
select distinct i.inhrelid::regclass::text as object
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute p on p.attrelid = i.inhparent and p.attnum > 0 and not p.attisdropped
join pg_attribute a on a.attrelid = i.inhrelid and a.attname = p.attname and not a.attisdropped
where a.attnum <> p.attnum
  and c.relkind in ('r', 'p')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by 1
