-- Sets the settings that a session is born with; names that this server does not know, or
-- that may not be set on it, are left out.
-- $1 names, $2 values. Since 9.5.
select set_config(s.name, pinned.value, false)
from unnest($1::text[], $2::text[]) as pinned (name, value)
join pg_catalog.pg_settings s on lower(s.name) = lower(pinned.name)
where s.context in ('user', 'superuser')
  -- Windows cannot look for a client that has gone, and refuses to be asked.
  and not (s.name = 'client_connection_check_interval' and version() ~* 'mingw|msvc|visual|windows')
