-- src.long_xact: no transaction of the source is old
--
-- level: instance
-- severity: warning
-- message: {count} {transaction|transactions} of the source {is|are} older than a quarter of an
--     hour
-- why: What it has not committed is not copied, it may hold locks, and it keeps dead rows alive.
-- manual: monitoring-stats

-- on the source
select
    format('pid %s', a.pid) as object,
    concat_ws(' ', a.usename, a.state, 'for', now() - a.xact_start) as detail,
    format('select pg_terminate_backend(%s);', a.pid) as fix
from pg_stat_activity a
where a.xact_start < now() - interval '15 minutes'
  and a.pid <> pg_backend_pid()
order by a.xact_start
