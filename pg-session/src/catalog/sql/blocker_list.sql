-- Sessions that those of application_name $1 in this database wait for, and the table that the
-- lock is on. Since 9.6.
select distinct
    blocker.pid,
    coalesce(blocker.usename, '') as user,
    coalesce(blocker.application_name, '') as application,
    wanted.relation
from pg_stat_activity ours
cross join unnest(pg_blocking_pids(ours.pid)) as blocking (pid)
join pg_stat_activity blocker on blocker.pid = blocking.pid
left join lateral (
    select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as relation
    from pg_locks l
    join pg_class c on c.oid = l.relation
    join pg_namespace n on n.oid = c.relnamespace
    where l.pid = ours.pid and not l.granted
    limit 1
) wanted on true
where ours.application_name = $1
  and ours.datname = current_database()
  and blocker.application_name is distinct from $1
order by pid
