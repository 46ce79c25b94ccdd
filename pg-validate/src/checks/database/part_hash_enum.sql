-- part.hash_enum: no table is partitioned by a hash that differs between servers
--
-- level: database
-- severity: failed
-- message: {count} {table is|tables are} partitioned by a hash of values that hash differently on
--     the target
-- why: The hash of an enum is that of its value's OID, so that rows belong into other partitions
--     there. The hash of text under a nondeterministic collation depends on the library.
-- explains: violates partition constraint
-- manual: ddl-partitioning

-- on the source from 11
select
    p.partrelid::regclass::text as object,
    format('by %I %s', a.attname, format_type(a.atttypid, a.atttypmod)) as detail,
    case when t.typtype <> 'e' then 'warning' end as severity
from pg_partitioned_table p
join pg_attribute a on a.attrelid = p.partrelid and a.attnum = any (p.partattrs::smallint[])
join pg_type d on d.oid = a.atttypid
join pg_type t on t.oid = case d.typtype when 'd' then d.typbasetype else d.oid end
where p.partstrat = 'h'
  and (
      t.typtype in ('e', 'c')
      or exists (
          select
          from pg_collation l
          where l.oid = a.attcollation and to_jsonb(l) ->> 'collisdeterministic' = 'false'
      )
  )
order by 1
