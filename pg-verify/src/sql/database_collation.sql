-- The version of the database's own collation: the one that indexes were built with, and the one
-- of the machine. Since 15.
select d.datcollversion as built, pg_database_collation_actual_version(d.oid) as now
from pg_database d
where d.datname = current_database() and d.datcollversion is not null
