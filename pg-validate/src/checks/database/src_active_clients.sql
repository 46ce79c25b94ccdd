-- src.active_clients: nobody else uses the source database
--
-- level: database
-- severity: warning
-- message: {count} other {session|sessions} of the source database {is|are} there
-- why: A migration offline supposes that applications are stopped: what they commit after the
--     snapshot is not copied.
-- manual: monitoring-stats

-- on the source before 10
select
    format('pid %s', a.pid) as object,
    concat_ws(' ', a.usename, nullif(a.application_name, ''), a.state) as detail
from pg_stat_activity a
where a.datname = current_database()
  and a.pid <> pg_backend_pid()
  and a.application_name !~ '^pgmig/'
order by a.pid

-- on the source from 10
select
    format('pid %s', a.pid) as object,
    concat_ws(' ', a.usename, nullif(a.application_name, ''), a.state) as detail
from pg_stat_activity a
where a.datname = current_database()
  and a.pid <> pg_backend_pid()
  and a.backend_type = 'client backend'
  and a.application_name !~ '^pgmig/'
order by a.pid
