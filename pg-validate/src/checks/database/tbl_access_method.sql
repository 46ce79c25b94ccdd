-- tbl.access_method: the target has the access methods of tables
--
-- level: database
-- severity: failed
-- message: {count} {table is|tables are} stored in a way that the target does not have
-- why: CREATE TABLE ... USING is refused.
-- explains: access method
-- manual: tableam

-- on the source from 12
select
    c.oid::regclass::text as object,
    m.amname as detail,
    coalesce(e.extname, m.amname) as key,
    case when c.relkind = 'r' then format('alter table %s set access method heap; -- from 15', c.oid::regclass) end as fix
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_am m on m.oid = c.relam
left join pg_depend d on d.classid = 'pg_am'::regclass and d.objid = m.oid and d.deptype = 'e'
left join pg_extension e on e.oid = d.refobjid
where c.relkind in ('r', 'm', 'p')
  and m.amname <> 'heap'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by n.nspname, c.relname

-- on the target
select k.key
from unnest($1::text[]) k (key)
where not exists (select from pg_am m where m.amname = k.key)
  and not exists (select from pg_available_extensions a where a.name = k.key)
