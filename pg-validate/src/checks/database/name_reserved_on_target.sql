-- name.reserved_on_target: names that are new key words of the target
--
-- level: database
-- severity: info
-- message: {count} {name is a key word|names are key words} on the target and {was|were} none on
--     the source
-- why: These tools quote every name. Applications that do not are refused.
-- manual: sql-keywords-appendix

-- on the target
select k.word as key
from pg_get_keywords() k
where k.catcode in ('R', 'T')

-- on the source
select c.oid::regclass::text as object
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relname = any ($1::text[])
  and not exists (select from pg_get_keywords() k where k.catcode in ('R', 'T') and k.word = c.relname)
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
union all
select format('%s.%I', c.oid::regclass, a.attname)
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attname = any ($1::text[])
  and a.attnum > 0
  and not a.attisdropped
  and not exists (select from pg_get_keywords() k where k.catcode in ('R', 'T') and k.word = a.attname)
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by 1
