-- src.pg_authid_read: passwords of roles that cannot be read
--
-- level: instance
-- severity: info
-- message: passwords of roles cannot be carried over: {source_user} may not read pg_authid
-- why: Managed servers let nobody read them. Roles that are created have no password, which has to
--     be set.
-- manual: catalog-pg-authid

-- on the source
select quote_ident(current_user) as object
where not has_table_privilege('pg_catalog.pg_authid', 'SELECT')
