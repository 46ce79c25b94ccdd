-- tbl.unlogged_partitioned: no partitioned table is unlogged
--
-- level: database
-- applies: target >= 18
-- severity: warning
-- message: {count} partitioned {table is|tables are} unlogged, and will not be on the target
-- why: The word never had an effect on a partitioned table, and 18 refuses it. pg_dump 18 leaves
--     it out, older ones do not: have one of the version of the target.
-- explains: partitioned tables cannot be unlogged
-- manual: sql-createtable

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
  and c.relkind = 'p'
  and c.relpersistence = 'u'
order by n.nspname, c.relname
