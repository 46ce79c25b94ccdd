-- tbl.no_split_key: large tables that go as a whole
--
-- level: database
-- applies: source < 14
-- severity: info
-- message: {count} {table|tables} over 1 GB cannot be copied in parts
-- why: Before 14 a part of a table by its blocks means reading all of it, so that only those are
--     copied in parts that have a unique index which begins with a number, a text, a date or time,
--     or a uuid.
-- manual: diskusage

-- on the source
select c.oid::regclass::text as object, pg_size_pretty(c.relpages * current_setting('block_size')::bigint) as detail
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  and c.relkind = 'r'
  and c.relpages * current_setting('block_size')::bigint > 1073741824
  and not exists (
      select
      from pg_index i
      join pg_class x on x.oid = i.indexrelid
      join pg_am m on m.oid = x.relam
      join pg_opclass o on o.oid = i.indclass[0]
      join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
      join pg_type t on t.oid = a.atttypid
      where i.indrelid = c.oid
        and m.amname = 'btree'
        and i.indisunique
        and i.indisvalid
        and i.indpred is null
        and o.opcdefault
        and i.indcollation[0] = a.attcollation
        and t.typnamespace = 'pg_catalog'::regnamespace
        and (
            t.typname in ('int2', 'int4', 'int8', 'oid', 'numeric', 'uuid', 'date', 'timestamp', 'timestamptz')
            or t.typname in ('text', 'varchar', 'bpchar') and getdatabaseencoding() = 'UTF8'
        )
  )
order by n.nspname, c.relname
