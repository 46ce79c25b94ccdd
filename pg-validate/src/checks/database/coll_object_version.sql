-- coll.object_version: collations are of the version of the system
--
-- level: database
-- severity: warning
-- message: {count} {collation was|collations were} made with another version than the system's
-- why: Indexes on text may be in the wrong order and unique ones may hide duplicates. --deep finds
--     them.
-- manual: sql-altercollation

-- on the source from 10
select
    format('%s.%I', l.collnamespace::regnamespace, l.collname) as object,
    format('%s, the system has %s', l.collversion, pg_collation_actual_version(l.oid)) as detail,
    format('alter collation %s.%I refresh version; -- after reindexing what uses it', l.collnamespace::regnamespace, l.collname) as fix
from pg_collation l
where l.collversion is not null
  and l.collversion is distinct from pg_collation_actual_version(l.oid)
order by 1
