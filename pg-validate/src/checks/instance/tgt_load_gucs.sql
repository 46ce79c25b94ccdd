-- tgt.load_gucs: settings of the target that make a load slow
--
-- level: instance
-- severity: info
-- message: {count} {setting|settings} of the target could make the load faster
-- why: A load writes much log and builds many indexes. maintenance_work_mem is raised by
--     pg-schema-apply itself.
-- manual: populate

-- on the target
select
    s.name as object,
    concat(s.reset_val, s.unit) as detail,
    format('alter system set %I = %L;', s.name, w.wanted) as fix
from pg_settings s
join (
    values ('max_wal_size', 8192, '8GB'), ('checkpoint_timeout', 900, '15min')
) as w (name, least, wanted) on w.name = s.name
where s.reset_val::bigint < w.least
union all
select s.name, s.reset_val, format('alter system set %I = on; -- once loaded: on again', s.name)
from pg_settings s
where s.name = 'autovacuum' and s.reset_val = 'off'
order by 1
