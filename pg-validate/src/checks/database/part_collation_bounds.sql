-- part.collation_bounds: bounds of partitions do not depend on a collation
--
-- level: database
-- severity: warning
-- message: bounds of {count} partitioned {table|tables} are text, in an order that the system
--     defines
-- why: With another version of the C library or ICU a row near a bound may belong into another
--     partition, and is refused in its own.
-- manual: ddl-partitioning

-- on the source from 10
select p.partrelid::regclass::text as object, quote_ident(l.collname) as detail
from pg_partitioned_table p
cross join lateral unnest(p.partcollation::oid[]) k (oid)
join pg_collation l on l.oid = k.oid
join pg_database d on d.datname = current_database()
where p.partstrat = 'r'
  and case when l.collname = 'default' then d.datcollate else coalesce(l.collcollate, '') end
      not in ('C', 'POSIX', 'C.UTF-8', 'C.utf8')
order by 1
