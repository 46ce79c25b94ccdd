-- tgt.replicas_ha: the target feeds no standby while it is loaded
--
-- level: instance
-- severity: warning
-- message: {count} {standby follows|standbys follow} the target
-- why: Every byte is sent to them, too; a synchronous one is waited for. Azure wants high
--     availability and read replicas off while it migrates.
-- manual: monitoring-stats

-- on the target
select
    coalesce(nullif(r.application_name, ''), 'standby') as object,
    concat_ws(' ', r.client_addr, r.sync_state) as detail
from pg_stat_replication r
order by r.application_name
