-- What keeps databases ($1, text[]) from being renamed or dropped: sessions and prepared
-- transactions. Autovacuum is left out: the server ends it by itself. Since 9.5.
select
    a.datname::text as database,
    format(
        'pid %s (user %s, application %s, from %s)',
        a.pid,
        coalesce(a.usename::text, '?'),
        coalesce(nullif(a.application_name, ''), '?'),
        coalesce(a.client_addr::text, 'a local socket')
    ) as who
from pg_stat_activity a
where a.datname::text = any($1::text[])
  and a.pid <> pg_backend_pid()
  and coalesce(to_jsonb(a) ->> 'backend_type', 'client backend') <> 'autovacuum worker'
union all
select
    p.database::text,
    format('prepared transaction %L of %s', p.gid, p.owner)
from pg_prepared_xacts p
where p.database::text = any($1::text[])
order by 1, 2
