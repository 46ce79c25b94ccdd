-- What every caller needs to know of its session. Since 9.5.
select
    current_setting('server_version_num')::integer as version,
    current_setting('server_version') as version_text,
    current_setting('server_encoding') as encoding,
    pg_is_in_recovery() as in_recovery,
    (select ssl.version from pg_stat_ssl ssl where ssl.pid = pg_backend_pid() and ssl.ssl) as tls
