-- part.hash_enum: tables partitioned by a hash that differs between servers
--
-- level: database
-- severity: info
-- message: rows of {count} {table|tables} go through the partitioned table, because {its|their}
--     partitions are by a hash that may be another on the target
-- why: The hash of an enum is that of its value's OID, so that rows belong into other partitions
--     there. The hash of text under a nondeterministic collation depends on the library; nothing is
--     known of that of expressions and of types that are not built in.
-- explains: violates partition constraint
-- manual: ddl-partitioning

-- on the source from 11
select p.partrelid::regclass::text as object, pg_get_partkeydef(p.partrelid) as detail
from pg_partitioned_table p
where p.partstrat = 'h'
  and exists (
      select from unnest(p.partattrs::smallint[], p.partclass::oid[], p.partcollation::oid[])
          as k (attnum, opclass, collation_oid)
      join pg_opclass o on o.oid = k.opclass
      left join pg_attribute a on a.attrelid = p.partrelid and a.attnum = k.attnum
      left join pg_type t on t.oid = a.atttypid
      left join pg_collation l on l.oid = k.collation_oid
      where k.attnum = 0
         or t.oid >= 10000
         or t.typname ~ '^_?(reg|float)'
         or o.opcnamespace <> 'pg_catalog'::regnamespace
         or to_jsonb(l) ->> 'collisdeterministic' = 'false'
  )
order by 1
