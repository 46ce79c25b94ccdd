-- Sequences that fill a column which an index begins with, so that its largest value is cheap
-- to find. Since 10.
select
    n.nspname as schema,
    s.relname as name,
    tn.nspname as table_schema,
    t.relname as table_name,
    a.attname as column_name,
    q.seqincrement > 0 as rises
from pg_sequence q
join pg_class s on s.oid = q.seqrelid
join pg_namespace n on n.oid = s.relnamespace
join pg_depend d
    on d.classid = 'pg_class'::regclass and d.objid = s.oid
    and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0
join pg_class t on t.oid = d.refobjid
join pg_namespace tn on tn.oid = t.relnamespace
join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
where not q.seqcycle
  and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
  and exists (
      select from pg_index i
      where i.indrelid = t.oid and i.indkey[0] = a.attnum and i.indisvalid and i.indpred is null
  )
