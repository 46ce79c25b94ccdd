-- acl.public_schema: what everybody may create
--
-- level: database
-- applies: source < 15, target >= 15
-- severity: info
-- message: everybody may create objects in schema public, on the target as well
-- why: From 15 on a new database does not allow that any more. pg_dump carries the grant over, as
--     it was; take it away where applications do without.
-- fix on the target: revoke create on schema public from public;
-- manual: ddl-schemas

-- on the source
select 'public' as object
from pg_namespace n
where n.nspname = 'public' and has_schema_privilege('public', n.oid, 'CREATE')
