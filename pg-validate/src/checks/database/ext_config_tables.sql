-- ext.config_tables: tables that extensions keep settings in
--
-- level: database
-- severity: info
-- message: rows of {count} {table|tables} of extensions are copied, as far as the extension says
--     which are the user's
-- why: Tables of an extension are made by it; only rows of those that it declares with
--     pg_extension_config_dump() are dumped, and copied by these tools.
-- manual: extend-extensions

-- on the source
select c.oid::regclass::text as object, nullif(e.extcondition[x.place], '') as detail
from pg_extension e
cross join lateral unnest(e.extconfig) with ordinality x (oid, place)
join pg_class c on c.oid = x.oid
where c.relkind in ('r', 'p')
order by 1
