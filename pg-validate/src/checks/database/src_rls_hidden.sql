-- src.rls_hidden: no policy hides rows from the source role
--
-- level: database
-- severity: failed
-- message: policies of row-level security hide rows of {count} {table|tables} from {source_user}
-- why: With row_security off the copy is refused; with it on, rows would be missing without a
--     word.
-- fix: alter role {source_user} bypassrls;
-- manual: ddl-rowsecurity

-- on the source
select c.oid::regclass::text as object, case when c.relforcerowsecurity then 'forced' end as detail
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and c.relrowsecurity
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and row_security_active(c.oid)
order by n.nspname, c.relname
