-- src.max_locks: the source's lock table has room for every table
--
-- level: database
-- severity: warning
-- message: reading all tables in one transaction needs more locks than the source has room for
-- why: One transaction locks every table against changes while it is read. A full lock table is
--     told as "out of shared memory".
-- fix: alter system set max_locks_per_transaction = 512; -- then restart
-- manual: runtime-config-locks

-- on the source
select
    current_database()::text as object,
    format('%s tables, room for %s locks', found.tables, found.slots) as detail
from (
    select
        count(*) as tables,
        current_setting('max_locks_per_transaction')::bigint
            * (current_setting('max_connections')::bigint
                + current_setting('max_prepared_transactions')::bigint) as slots
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm')
      and n.nspname !~ '^pg_'
      and n.nspname <> 'information_schema'
) found
where found.tables > found.slots
