-- Ends the sessions in databases ($1, text[]). Since 9.5.
select pg_terminate_backend(a.pid) as told
from pg_stat_activity a
where a.datname::text = any($1::text[])
  and a.pid <> pg_backend_pid()
