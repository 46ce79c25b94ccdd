-- func.search_path_in_check: functions in CHECK constraints find what they name
--
-- level: database
-- severity: failed
-- message: {count} CHECK {constraint calls|constraints call} a function that names something
--     without its schema
-- why: Whoever loads a dump has an empty search_path, and from 17 on the server sets a safe one
--     itself in CREATE INDEX, REFRESH and the like: the name is not found. On an empty table nothing
--     is called, so that a rehearsal does not find this. It is called for each row that is copied; one
--     that reads other tables sees them half loaded.
-- manual: ddl-constraints

-- on the source
with depending (object, proc) as (
    select distinct format('%s.%I', k.conrelid::regclass, k.conname), d.refobjid
    from pg_constraint k
    join pg_depend d on d.classid = 'pg_constraint'::regclass and d.objid = k.oid
    where k.contype = 'c' and k.conrelid <> 0 and d.refclassid = 'pg_proc'::regclass
)
