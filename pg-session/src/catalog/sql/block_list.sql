-- Blocks of those of some tables ($1: OIDs) that are ordinary heaps, where ranges of ctid are
-- ranges of blocks. Since 12.
select c.oid, pg_relation_size(c.oid) / current_setting('block_size')::bigint as blocks
from pg_class c
join pg_am a on a.oid = c.relam
where c.oid = any ($1::oid[])
  and a.amname = 'heap'
