-- What every caller needs to know of its session, read before anything is done. Since 9.5.
-- read_only is the server's own setting: that of the session is pinned.
select
    current_setting('server_version_num')::integer as version,
    current_setting('server_version') as version_text,
    current_setting('server_encoding') as encoding,
    pg_is_in_recovery() as in_recovery,
    coalesce((
        select s.reset_val = 'on' from pg_settings s where s.name = 'default_transaction_read_only'
    ), false) as read_only,
    (select ssl.version from pg_stat_ssl ssl where ssl.pid = pg_backend_pid() and ssl.ssl) as tls,
    pg_backend_pid() as process,
    (
        select (extract(epoch from clock_timestamp() - a.backend_start) * 1000)::bigint
        from pg_stat_activity a
        where a.pid = pg_backend_pid()
    ) as process_ms
