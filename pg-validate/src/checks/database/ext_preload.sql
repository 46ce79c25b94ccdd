-- ext.preload: the target has loaded the libraries of extensions
--
-- level: database
-- severity: warning
-- message: {count} {extension needs|extensions need} a library in shared_preload_libraries of the
--     target
-- why: Some refuse CREATE EXTENSION without it, others do nothing. The parameter needs a restart.
-- azure: 603109
-- manual: runtime-config-client

-- on the source
select quote_ident(e.extname) as object, e.extname as key
from pg_extension e
where e.extname in (
    'timescaledb', 'pg_cron', 'pg_stat_statements', 'pgaudit', 'pg_hint_plan', 'pglogical', 'citus',
    'pg_squeeze', 'pg_wait_sampling', 'pg_stat_kcache', 'pg_qualstats', 'pg_net', 'pgsodium', 'age',
    'pg_tle', 'pg_failover_slots', 'bdr', 'pg_ivm', 'anon'
)
order by e.extname

-- on the target
select
    k.key,
    case when k.key in ('timescaledb', 'pg_cron', 'citus', 'pglogical', 'pgaudit') then 'failed' end as severity,
    case
        when exists (select from pg_settings z where z.name = 'azure.extensions')
            then format(
                '-- az postgres flexible-server parameter set --name shared_preload_libraries --value %s',
                concat_ws(',', nullif(current_setting('shared_preload_libraries'), ''), k.key)
            )
        when exists (select from pg_settings z where z.name = 'rds.extensions')
            then format(
                '-- aws rds modify-db-parameter-group: shared_preload_libraries = %s, then reboot',
                concat_ws(',', nullif(current_setting('shared_preload_libraries'), ''), k.key)
            )
        when exists (select from pg_settings z where z.name ~ '^cloudsql\.')
            then format('-- gcloud sql instances patch INSTANCE --database-flags cloudsql.enable_%s=on', k.key)
        else format(
            'alter system set shared_preload_libraries = %s; -- then restart',
            (
                select string_agg(quote_literal(l.name), ', ')
                from regexp_split_to_table(
                    concat_ws(',', nullif(current_setting('shared_preload_libraries'), ''), k.key),
                    '\s*,\s*'
                ) l (name)
            )
        )
    end as fix
from unnest($1::text[]) k (key)
where not k.key = any (
    regexp_split_to_array(replace(current_setting('shared_preload_libraries'), '$libdir/', ''), '\s*,\s*')
)
