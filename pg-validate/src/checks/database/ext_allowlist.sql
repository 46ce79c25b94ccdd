-- ext.allowlist: the target allows the extensions of the source database
--
-- level: database
-- severity: failed
-- message: {count} {extension|extensions} of the source {is|are} not on the list of those that the
--     target allows
-- why: A managed server creates only extensions that its parameter names: azure.extensions on
--     Azure; on RDS and Aurora rds.extensions, and rds.allowed_extensions where that is set. Cloud SQL
--     lists none that it does not allow.
-- explains: is not allow-listed
-- azure: 603108
-- manual: https://learn.microsoft.com/azure/postgresql/extensions/how-to-allow-extensions

-- on the source
select quote_ident(e.extname) as object, e.extversion as detail, e.extname as key
from pg_extension e
where e.extname <> 'plpgsql'
order by e.extname

-- on the target
select
    k.key,
    s.name || ' has ' || coalesce(nullif(s.setting, ''), 'nothing') as detail,
    case s.name
        when 'azure.extensions' then format(
            '-- az postgres flexible-server parameter set --name azure.extensions --value %s',
            concat_ws(',', nullif(s.setting, ''), upper(k.key))
        )
    end as fix
from unnest($1::text[]) k (key)
cross join pg_settings s
where s.name in ('azure.extensions', 'rds.extensions', 'rds.allowed_extensions')
  and s.setting <> '*'
  and not (s.name ~ '^rds' and s.setting = '')
  and not lower(k.key) = any (regexp_split_to_array(lower(s.setting), '\s*,\s*'))
