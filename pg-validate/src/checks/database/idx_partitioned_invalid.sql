-- idx.partitioned_invalid: every index of a partitioned table is whole
--
-- level: database
-- severity: warning
-- message: {count} {index|indexes} of partitioned tables {lacks|lack} the index of a partition
-- why: What is left of CREATE INDEX ON ONLY: it is dumped as it is and stays without use on the
--     target.
-- manual: sql-createindex

-- on the source from 11
select c.oid::regclass::text as object, format('on %s', i.indrelid::regclass) as detail
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_namespace n on n.oid = c.relnamespace
where not i.indisvalid
  and c.relkind = 'I'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by n.nspname, c.relname
