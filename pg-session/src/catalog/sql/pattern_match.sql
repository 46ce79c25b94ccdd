-- Tables that any of some patterns means.
-- $1: regular expressions of schemas, null where only tables on the search path are meant.
-- $2: regular expressions of names, null where all of the schema are meant. Since 9.5.
select distinct n.nspname as schema, c.relname as name
from unnest($1::text[], $2::text[]) as pattern (schema, name)
join pg_class c
    on pattern.name is null or c.relname::text collate pg_catalog."default" ~ pattern.name
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'S')
  and case
      when pattern.schema is null then pg_table_is_visible(c.oid)
      else n.nspname::text collate pg_catalog."default" ~ pattern.schema
  end
