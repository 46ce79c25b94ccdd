-- Other sessions that hold a run in this database (pg_advisory_xact_lock_shared of two keys: manual,
-- pg_locks). $1: its number. $2: whether all others but that are meant. $progress: what changes
-- while a COPY goes on.
select
    l.pid,
    coalesce(a.usename::text, '') as user,
    coalesce(a.application_name, '') as application,
    coalesce(host(a.client_addr), '') as address,
    concat_ws(' ', a.xact_start, a.state_change, $progress) as progress
from pg_locks l
left join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 2
  and l.pid <> pg_backend_pid()
  and l.database = (select oid from pg_database where datname = current_database())
  and l.classid = (hashtext('pgmig run')::bigint & 4294967295)::oid
  and (l.objid::bigint <> $1::bigint) = $2::boolean
order by l.pid
