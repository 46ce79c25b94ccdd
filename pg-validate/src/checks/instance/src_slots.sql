-- src.slots: readers of the changes of the source
--
-- level: instance
-- severity: info
-- message: {count} replication {slot|slots} of the source {is|are} not carried over
-- why: Whoever reads changes (Debezium, a subscriber, a standby) has to be pointed to the new
--     server.
-- manual: view-pg-replication-slots

-- on the source
select
    quote_ident(s.slot_name) as object,
    concat_ws(' ', s.slot_type, s.plugin, case when s.active then 'active' else 'idle' end) as detail
from pg_replication_slots s
order by s.slot_name
