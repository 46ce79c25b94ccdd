-- func.opaque: no function takes or gives opaque
--
-- level: database
-- applies: source < 13, target >= 13
-- severity: failed
-- message: {count} {function takes or gives|functions take or give} the type opaque, which the
--     target does not have
-- why: PostgreSQL 13 took the pseudo-type away. Trigger functions return trigger, language
--     handlers language_handler.
-- explains: type "opaque" does not exist
-- manual: datatype-pseudo

-- on the source
select p.oid::regprocedure::text as object
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_type t on t.oid = p.prorettype or t.oid = any (p.proargtypes::oid[])
where t.typname = 'opaque'
  and t.typnamespace = 'pg_catalog'::regnamespace
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by 1
