-- type.system_rowtype: no column has the shape of a catalog's row
--
-- level: database
-- severity: failed
-- message: {count} {column has|columns have} the type of a catalog's row, which has other columns
--     on the target
-- why: Catalogs change from one major version to the next, and values of another shape are
--     refused.
-- manual: rowtypes

-- on the source
select
    format('%s.%I', c.oid::regclass, a.attname) as object,
    t.typname as detail,
    t.typname || ': ' || (
        select string_agg(s.attname || ' ' || format_type(s.atttypid, null), ', ' order by s.attnum)
        from pg_attribute s
        where s.attrelid = t.typrelid and s.attnum > 0 and not s.attisdropped
    ) as key
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
where a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'm')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  and t.typtype = 'c'
  and t.typnamespace in (
      select s.oid from pg_namespace s where s.nspname in ('pg_catalog', 'information_schema')
  )
order by n.nspname, c.relname, a.attnum

-- on the target
select k.key
from unnest($1::text[]) k (key)
where not exists (
    select
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('pg_catalog', 'information_schema')
      and k.key = c.relname || ': ' || (
        select string_agg(s.attname || ' ' || format_type(s.atttypid, null), ', ' order by s.attnum)
        from pg_attribute s
        where s.attrelid = c.oid and s.attnum > 0 and not s.attisdropped
    )
)
