-- tbl.no_split_key: large tables that go as a whole
--
-- level: database
-- applies: source < 14
-- severity: info
-- message: {count} {table|tables} over 1 GB cannot be copied in parts
-- why: Before 14 a part of a table by its blocks means reading all of it.
-- manual: diskusage

-- on the source
select c.oid::regclass::text as object, pg_size_pretty(c.relpages * current_setting('block_size')::bigint) as detail
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  and c.relkind in ('r', 'm')
  and c.relpages * current_setting('block_size')::bigint > 1073741824
order by n.nspname, c.relname
