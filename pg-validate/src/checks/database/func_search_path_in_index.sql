-- func.search_path_in_index: functions in indexes find what they name
--
-- level: database
-- severity: failed
-- message: {count} {index calls|indexes call} a function that names something without its schema
-- why: Whoever loads a dump has an empty search_path, and from 17 on the server sets a safe one
--     itself in CREATE INDEX, REFRESH and the like: the name is not found. On an empty table nothing
--     is called, so that a rehearsal does not find this.
-- manual: sql-createfunction

-- on the source
with depending (object, proc) as (
    select distinct c.oid::regclass::text, d.refobjid
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid
    where c.relkind in ('i', 'I')
      and d.refclassid = 'pg_proc'::regclass
      and n.nspname !~ '^pg_'
)
