-- src.blocking_locks: no table of the source is locked against reading
--
-- level: database
-- severity: failed
-- message: {count} {relation|relations} of the source {is|are} locked against reading
-- why: Copying waits for whoever holds ACCESS EXCLUSIVE.
-- manual: explicit-locking

-- on the source
select
    l.relation::regclass::text as object,
    'locked by ' || coalesce('pid ' || l.pid, 'a prepared transaction') as detail,
    case when l.pid is not null then format('select pg_terminate_backend(%s);', l.pid) end as fix
from pg_locks l
where l.locktype = 'relation'
  and l.mode = 'AccessExclusiveLock'
  and l.granted
  and l.database = (select d.oid from pg_database d where d.datname = current_database())
order by 1
