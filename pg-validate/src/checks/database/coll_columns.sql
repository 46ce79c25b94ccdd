-- coll.columns: the target has the collations of columns
--
-- level: database
-- severity: failed
-- message: {count} {column sorts|columns sort} by a collation that the target does not have
-- why: CREATE TABLE is refused. Where the system has the locale, pg_import_system_collations()
--     adds it.
-- explains: collation
-- azure: 603402
-- manual: collation

-- on the source
select
    format('%s.%I', c.oid::regclass, a.attname) as object,
    quote_ident(l.collname) as detail,
    l.collname as key
from pg_attribute a
join pg_collation l on l.oid = a.attcollation
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'm', 'i', 'c')
  and l.collnamespace = 'pg_catalog'::regnamespace
  and l.collname not in ('default', 'C', 'POSIX', 'ucs_basic')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by n.nspname, c.relname, a.attnum

-- on the target
select k.key, 'select pg_import_system_collations(''pg_catalog'');' as fix
from unnest($1::text[]) k (key)
where not exists (select from pg_collation l where l.collname = k.key)
