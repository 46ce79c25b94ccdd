-- Collations whose version on the machine is no longer the one that indexes were built with.
-- Since 10.
select n.nspname || '.' || c.collname as name, c.collversion as built, pg_collation_actual_version(c.oid) as now
from pg_collation c
join pg_namespace n on n.oid = c.collnamespace
where c.collversion is distinct from pg_collation_actual_version(c.oid)
  and c.collversion is not null
  and exists (select from pg_depend d where d.refclassid = 'pg_collation'::regclass and d.refobjid = c.oid)
order by 1
