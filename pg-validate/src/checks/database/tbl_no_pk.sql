-- tbl.no_pk: tables without a primary key
--
-- level: database
-- severity: info
-- message: {count} {table has|tables have} no primary key: {it is|they are} compared as a bag of
--     rows
-- why: A difference is found, but the row cannot be named.
-- manual: ddl-constraints

-- on the source
select
    c.oid::regclass::text as object,
    -- ANALYZE gives a partitioned table -1 pages.
    case c.relkind
        when 'p' then 'partitioned'
        else pg_size_pretty(c.relpages * current_setting('block_size')::bigint)
    end as detail
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  and c.relkind in ('r', 'p')
  and not c.relispartition
  and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
order by n.nspname, c.relname
