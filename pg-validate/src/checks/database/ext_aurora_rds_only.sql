-- ext.aurora_rds_only: no extension belongs to the source's platform
--
-- level: database
-- severity: failed
-- message: {count} {extension exists|extensions exist} on the source's platform only
-- why: Amazon, Google, Microsoft and others have extensions that exist nowhere else. What uses
--     them has to be written anew.
-- azure: 603405
-- manual: view-pg-available-extensions

-- on the source
select
    quote_ident(e.extname) as object,
    'in its place: ' || coalesce(r.replacement, 'nothing of that kind') as detail,
    e.extname as key,
    format('drop extension %I;', e.extname) as fix
from pg_extension e
left join (
    values
        ('aws_s3', 'azure_storage, or COPY by a client'),
        ('aws_commons', 'nothing: only aws_s3 and aws_lambda use it'),
        ('aws_lambda', 'pg_net or a queue that a function reads'),
        ('aws_ml', 'azure_ai or pgvector'),
        ('apg_plan_mgmt', 'pg_hint_plan'),
        ('rds_tools', 'pg_stat_statements, pgaudit'),
        ('rds_activity_stream', 'pgaudit'),
        ('aurora_stat_utils', 'pg_stat_statements'),
        ('flow_control', 'nothing'),
        ('log_fdw', 'file_fdw, or the platform''s logs'),
        ('pg_transport', 'these tools'),
        ('hll_aws', 'hll'),
        ('google_ml_integration', 'azure_ai or pgvector'),
        ('google_columnar_engine', 'nothing'),
        ('alloydb_scann', 'pgvector'),
        ('azure_ai', 'pgvector and a client'),
        ('azure_storage', 'COPY by a client'),
        ('pgaadauth', 'scram passwords'),
        ('neon', 'nothing'),
        ('supabase_vault', 'pgcrypto')
) as r (name, replacement) on r.name = e.extname
where e.extname ~ '^(aws_|rds_|apg_|aurora|babelfish|google_|alloydb|azure|pgaadauth|supabase|edb_|neon)'
   or e.extname in ('log_fdw', 'pg_transport', 'flow_control', 'hll_aws')
order by e.extname

-- on the target
select k.key
from unnest($1::text[]) k (key)
where not exists (select from pg_available_extensions a where a.name = k.key)
