-- part.detach_pending: no partition is half detached
--
-- level: database
-- severity: failed
-- message: {count} {partition is|partitions are} half detached
-- why: An interrupted DETACH CONCURRENTLY: its rows are not seen through the parent, and it is
--     dumped as a partition.
-- manual: sql-altertable

-- on the source from 14
select
    i.inhrelid::regclass::text as object,
    format('alter table %s detach partition %s finalize;', i.inhparent::regclass, i.inhrelid::regclass) as fix
from pg_inherits i
where i.inhdetachpending
order by 1
