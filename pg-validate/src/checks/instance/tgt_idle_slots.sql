-- tgt.idle_slots: no idle slot of the target keeps its log
--
-- level: instance
-- severity: warning
-- message: {count} replication {slot|slots} of the target {is|are} idle
-- why: All log that the load writes is kept for it, until the disk is full.
-- manual: view-pg-replication-slots

-- on the target
select
    quote_ident(s.slot_name) as object,
    s.slot_type as detail,
    format('select pg_drop_replication_slot(%L);', s.slot_name) as fix
from pg_replication_slots s
where not s.active
order by s.slot_name
