-- src.max_locks: the source's lock table has room for every table
--
-- level: database
-- severity: warning
-- message: reading all tables in one transaction needs more locks than the source has room for
-- why: One transaction locks every table against changes while it is read. A full lock table is
--     told as "out of shared memory".
-- manual: runtime-config-locks

-- on the source
select
    current_database()::text as object,
    format('%s tables, room for %s locks', found.tables, found.slots) as detail,
    format(
        'alter system set max_locks_per_transaction = %s; -- then restart',
        ceil(found.tables * 1.2 / found.sessions)
    ) as fix
from (
    select
        count(*) as tables,
        room.sessions,
        current_setting('max_locks_per_transaction')::bigint * room.sessions as slots
    from pg_class c
    cross join (
        select
            current_setting('max_connections')::bigint
                + current_setting('max_prepared_transactions')::bigint as sessions
    ) room
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm')
      and n.nspname !~ '^pg_'
      and n.nspname <> 'information_schema'
    group by room.sessions
) found
where found.tables > found.slots
