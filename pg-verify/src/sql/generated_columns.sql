-- Generated columns with type and expression. They are computed, so that nobody copies or
-- checksums them; they are equal when what computes them is.
-- Since 9.5; none before 12.
select
    n.nspname as schema,
    c.relname as name,
    a.attname as column,
    format_type(a.atttypid, a.atttypmod) || ' generated always as '
        || coalesce(pg_get_expr(d.adbin, d.adrelid), '?')
        || case to_jsonb(a) ->> 'attgenerated' when 's' then ' stored' else ' virtual' end
        as definition
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attnum > 0
  and not a.attisdropped
  and a.atthasdef
  and c.relkind = 'r'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and coalesce(to_jsonb(a) ->> 'attgenerated', '') <> ''
order by n.nspname, c.relname, a.attnum
