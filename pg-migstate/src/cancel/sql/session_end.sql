-- Ends sessions of a migration's tools (application_name like $1, our own kind $2 left out) and
-- all that are connected to its databases ($3, text[]); tells which. Since 9.5.
select
    format('pid %s (%s)', a.pid, a.application_name) as who,
    pg_terminate_backend(a.pid) as told
from pg_stat_activity a
where a.pid <> pg_backend_pid()
  and (
      a.application_name like $1 and a.application_name <> $2
      or a.datname::text = any($3::text[])
  )
