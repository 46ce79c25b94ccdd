-- tgt.other_sessions: nobody uses the database that is replaced
--
-- level: database
-- applies: overwrite
-- severity: warning
-- message: {count} {session|sessions} of the target {uses|use} the database that is to be replaced
-- why: A database can be renamed and dropped only when nobody is connected to it.
-- azure: 603111
-- manual: monitoring-stats

-- on the target
select
    format('pid %s', a.pid) as object,
    concat_ws(' ', a.usename, nullif(a.application_name, ''), a.state) as detail,
    format('select pg_terminate_backend(%s);', a.pid) as fix
from pg_stat_activity a
where a.datname = $2
  and a.pid <> pg_backend_pid()
order by a.pid
