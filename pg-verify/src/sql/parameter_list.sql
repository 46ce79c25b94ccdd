-- Parameters of the server as it has them without us, our databases and our roles; what belongs
-- to one machine or one provider, and what may hold a secret, left out. Since 9.5.
select
    s.name,
    s.reset_val as value,
    -- Without a source the server has made the value itself, out of others.
    s.boot_val is distinct from s.reset_val and s.source <> 'default' as is_set,
    s.context = 'postmaster' as needs_restart,
    s.name in (
        'local_preload_libraries', 'search_path', 'session_preload_libraries',
        'shared_preload_libraries', 'temp_tablespaces'
    ) as is_list
from pg_settings s
where s.context <> 'internal'
  and s.reset_val is not null
  and s.source <> 'override'
  and s.name not in (
      'application_name', 'client_encoding', 'cluster_name', 'config_file', 'data_directory',
      'event_source', 'external_pid_file', 'hba_file', 'ident_file', 'in_hot_standby', 'lc_messages',
      'listen_addresses', 'log_directory', 'log_filename', 'port', 'stats_temp_directory',
      'syslog_ident', 'transaction_deferrable', 'transaction_isolation', 'transaction_read_only'
  )
  and s.name !~ '^(unix_socket_|ssl_|krb_|primary_|recovery_|promote_|archive_|restore_|synchronous_standby)'
  and s.name !~ '^(rds|aurora|apg|azure|cloudsql|google|alloydb|supabase|neon)[._]'
  and s.name !~ '(password|secret|passphrase|conninfo|_command$|keyfile|token)'
  and not exists (
      select from pg_db_role_setting r
      cross join unnest(r.setconfig) as config (text)
      where r.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
        and r.setrole in (0, (select o.oid from pg_roles o where o.rolname = session_user))
        and lower(split_part(config.text, '=', 1)) = lower(s.name)
  )
order by s.name
