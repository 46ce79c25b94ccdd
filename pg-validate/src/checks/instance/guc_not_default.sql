-- guc.not_default: server parameters of the source that the target does not have
--
-- level: instance
-- severity: info
-- message: {count} server {parameter|parameters} that {was|were} set on the source
--     {differs|differ} on the target
-- why: Server parameters are not part of a database. Take those over that the applications need;
--     sizes of memory and paths belong to the machine.
-- manual: runtime-config

-- on the source
select s.name as object, s.name || '=' || s.reset_val as key
from pg_settings s
where s.source in ('configuration file', 'global', 'command line', 'environment variable')
  and s.context <> 'internal'
  and s.reset_val is distinct from s.boot_val
  and s.name !~ '(_file|_directory|_directories|_libraries|_tablespaces)$'
  and s.name not in (
      'listen_addresses', 'port', 'primary_conninfo', 'cluster_name', 'data_directory',
      'archive_command', 'restore_command', 'fsync'
  )
order by s.name

-- on the target
select
    k.key,
    format('%s on the source, %s here', k.value, s.reset_val) as detail,
    case
        when exists (select from pg_settings z where z.name = 'azure.extensions')
            then format(
                '-- az postgres flexible-server parameter set --name %s --value %s', k.name, k.value
            )
        else format('alter system set %I = %L;', s.name, k.value)
    end as fix
from (
    select t.key, split_part(t.key, '=', 1) as name, substr(t.key, strpos(t.key, '=') + 1) as value
    from unnest($1::text[]) t (key)
) k
join pg_settings s on s.name = k.name
where s.reset_val is distinct from k.value
