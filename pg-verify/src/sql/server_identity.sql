-- What two sessions share only when they are in the same database of the same server; may be
-- read by everybody, unlike the system identifier. Since 9.5.
select pg_catalog.pg_postmaster_start_time()::text || ' ' || d.oid::text as identity
from pg_catalog.pg_database d
where d.datname = pg_catalog.current_database()
