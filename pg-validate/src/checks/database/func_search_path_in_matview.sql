-- func.search_path_in_matview: functions in materialized views find what they name
--
-- level: database
-- severity: warning
-- message: {count} materialized {view calls|views call} a function that names something without
--     its schema
-- why: Whoever loads a dump has an empty search_path, and from 17 on the server sets a safe one
--     itself in CREATE INDEX, REFRESH and the like: the name is not found. On an empty table nothing
--     is called, so that a rehearsal does not find this.
-- manual: sql-refreshmaterializedview

-- on the source
with depending (object, proc) as (
    select distinct c.oid::regclass::text, d.refobjid
    from pg_class c
    join pg_rewrite r on r.ev_class = c.oid
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
    where c.relkind = 'm' and d.refclassid = 'pg_proc'::regclass
)
