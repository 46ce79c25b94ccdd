-- view.matview_unpopulated: materialized views without rows
--
-- level: database
-- severity: info
-- message: {count} materialized {view has|views have} no rows, and will have none
-- why: The others are refreshed on the target, in their order.
-- manual: sql-refreshmaterializedview

-- on the source
select c.oid::regclass::text as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  and c.relkind = 'm'
  and not c.relispopulated
order by n.nspname, c.relname
