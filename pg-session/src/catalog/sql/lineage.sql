-- What this database is a state of: server, timeline, database, since when the server has been
-- up, and since when without a crash, after which it has a new checkpointer and may give
-- transaction ids out again. NULL on a standby, whose timeline may change under way, and where
-- we may not see the checkpointer. Since 10.
select
    system_identifier::text
    || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
    || '/' || (select oid from pg_database where datname = current_database())::text
    || '/' || extract(epoch from pg_postmaster_start_time())::text
    || '/' || (
        select extract(epoch from backend_start)::text
        from pg_stat_activity where backend_type = 'checkpointer'
    )
from pg_control_system()
where not pg_is_in_recovery()
