-- tbl.with_oids: no table has hidden OIDs
--
-- level: database
-- applies: target >= 12
-- severity: failed
-- message: {count} {table was|tables were} made WITH OIDS, which the target does not have
-- why: The hidden column is dropped without a word. Copy it into a column of its own, or do
--     without.
-- azure: 603404
-- manual: ddl-system-columns

-- on the source before 12
select 
    c.oid::regclass::text as object,
    format('alter table %s set without oids;', c.oid::regclass) as fix
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  and c.relkind in ('r', 'p')
  and c.relhasoids
order by n.nspname, c.relname
