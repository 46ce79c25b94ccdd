-- src.catalog_dangling: the source's catalog is whole
--
-- level: database
-- severity: failed
-- message: {count} {entry|entries} of the catalog {belongs|belong} to something that is gone
-- why: Every dump ends there with "schema with OID does not exist" or the like.
-- manual: catalogs

-- on the source
select format('pg_class %s', c.oid) as object, 'its schema is gone' as detail
from pg_class c
where not exists (select from pg_namespace n where n.oid = c.relnamespace)
union all
select format('pg_proc %s', p.oid), 'its schema is gone'
from pg_proc p
where not exists (select from pg_namespace n where n.oid = p.pronamespace)
union all
select format('pg_type %s', t.oid), 'its schema is gone'
from pg_type t
where not exists (select from pg_namespace n where n.oid = t.typnamespace)
union all
select format('pg_attrdef %s', a.oid), 'its table is gone'
from pg_attrdef a
where not exists (select from pg_class c where c.oid = a.adrelid)
union all
select format('pg_class %s', c.oid), 'its owner is gone'
from pg_class c
where not exists (select from pg_roles r where r.oid = c.relowner)
order by 1
