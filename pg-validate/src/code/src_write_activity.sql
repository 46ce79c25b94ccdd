-- Rows that have been written in the current database since statistics were reset, and whether
-- anybody else is connected to it. Since 9.5.
select
    (s.tup_inserted + s.tup_updated + s.tup_deleted)::bigint as written,
    s.numbackends > 1 as has_others
from (select pg_stat_clear_snapshot()) fresh
cross join pg_stat_database s
where s.datname = current_database()
