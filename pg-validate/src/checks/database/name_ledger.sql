-- name.ledger: no schema of the source has the name of the ledger's
--
-- level: database
-- severity: failed
-- message: the source has a schema pgmig, which the ledger needs on the target: rename it, or drop
--     it if an earlier migration left it behind
-- why: While a migration runs, the schema pgmig of the target holds what is done.
-- fix: alter schema pgmig rename to pgmig_old;
-- manual: sql-alterschema

-- on the source
select quote_ident(n.nspname) as object
from pg_namespace n
where n.nspname = 'pgmig'
