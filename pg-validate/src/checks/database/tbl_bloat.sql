-- tbl.bloat: tables with many dead rows
--
-- level: database
-- severity: info
-- message: {count} {table has|tables have} more than a hundred thousand dead rows
-- why: They are read all the same, and make estimates wrong. VACUUM before the migration.
-- manual: routine-vacuuming

-- on the source
select
    format('%I.%I', s.schemaname, s.relname) as object,
    format('%s dead, %s alive', s.n_dead_tup, s.n_live_tup) as detail,
    format('vacuum %I.%I;', s.schemaname, s.relname) as fix
from pg_stat_user_tables s
where s.n_dead_tup > 100000
  and s.n_dead_tup > s.n_live_tup * 0.2
order by 1
