-- acl.public_schema: everybody may create in schema public, there as here
--
-- level: database
-- applies: source < 15, target >= 15
-- severity: warning
-- message: on the target not everybody may create objects in schema public any more
-- why: PostgreSQL 15 took that away; applications that create tables there are refused.
-- fix on the target: grant create on schema public to public; -- if they need it
-- manual: ddl-schemas

-- on the source
select 'public' as object
from pg_namespace n
where n.nspname = 'public' and has_schema_privilege('public', n.oid, 'CREATE')
