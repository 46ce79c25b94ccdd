-- tbl.unlogged: tables that a crash empties
--
-- level: database
-- severity: info
-- message: {count} {relation is|relations are} unlogged, and will be on the target
-- why: A crash empties them there, too, and standbys do not have their rows. On a source that is a
--     standby they cannot be read.
-- manual: sql-createtable

-- on the source
select 
    c.oid::regclass::text as object,
    case when pg_is_in_recovery() then 'failed' end as severity
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  and c.relkind in ('r', 'S')
  and c.relpersistence = 'u'
order by n.nspname, c.relname
