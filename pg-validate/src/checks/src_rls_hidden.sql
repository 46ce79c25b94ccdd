-- Tables whose rows our role would not see wholly, because policies apply to it. Since 9.5.
select n.nspname::text as schema, c.relname::text as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and c.relrowsecurity
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and row_security_active(c.oid)
order by n.nspname, c.relname
