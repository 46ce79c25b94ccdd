-- jobs.schedulers: no job runs by itself
--
-- level: database
-- severity: warning
-- message: {count} {table|tables} of a scheduler: jobs may write while rows are copied, and start
--     on the target
-- why: Disable jobs on the source before the copy, and look at them on the target before they run
--     there.
-- manual: https://github.com/citusdata/pg_cron

-- on the source
select c.oid::regclass::text as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where (n.nspname, c.relname) in (
    ('cron', 'job'), ('pgagent', 'pga_job'), ('partman', 'part_config'), ('public', 'part_config'),
    ('_timescaledb_config', 'bgw_job')
)
order by 1
