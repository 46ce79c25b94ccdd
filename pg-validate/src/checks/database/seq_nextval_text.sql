-- seq.nextval_text: defaults name their sequence for good
--
-- level: database
-- severity: warning
-- message: {count} {default finds|defaults find} a sequence by its name each time
-- why: nextval() of a text depends on the search_path and is no dependency: the sequence may be
--     made after the table, or not be found.
-- manual: functions-sequence

-- on the source
select format('%s.%I', f.adrelid::regclass, a.attname) as object, pg_get_expr(f.adbin, f.adrelid) as detail
from pg_attrdef f
join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
join pg_class c on c.oid = f.adrelid
join pg_namespace n on n.oid = c.relnamespace
where pg_get_expr(f.adbin, f.adrelid) ~ 'nextval\('
  and pg_get_expr(f.adbin, f.adrelid) !~ 'nextval\(''([^'']|'''')+''::regclass\)'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by 1
