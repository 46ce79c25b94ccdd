-- db.collversion: the source database's collation is that of its system
--
-- level: database
-- severity: warning
-- message: the source database was made with another version of its collation than the system's
-- why: After an upgrade of the system, indexes on text may be in the wrong order and unique ones
--     may hide duplicates, which the target refuses. --deep finds them.
-- manual: sql-altercollation

-- on the source from 15
select
    quote_ident(d.datname) as object,
    format('%s, the system has %s', d.datcollversion, pg_database_collation_actual_version(d.oid)) as detail,
    format('reindex database %1$I; alter database %1$I refresh collation version;', d.datname) as fix
from pg_database d
where d.datname = current_database()
  and d.datcollversion is distinct from pg_database_collation_actual_version(d.oid)
