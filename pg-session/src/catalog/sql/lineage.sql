-- What this database is a state of: server, timeline, database, and since when the server has
-- been up. NULL on a standby, whose timeline may change under way. Since 9.6.
select
    system_identifier::text
    || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
    || '/' || (select oid from pg_database where datname = current_database())::text
    || '/' || extract(epoch from pg_postmaster_start_time())::text
from pg_control_system()
where not pg_is_in_recovery()
