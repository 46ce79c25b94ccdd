-- ext.missing: the target offers the extensions of the source database
--
-- level: database
-- severity: failed
-- message: the target does not offer {count} {extension|extensions} of the source
-- why: CREATE EXTENSION is refused, and so is everything that uses its types and functions.
--     Install the packages there, or drop what the database does not need.
-- explains: is not available
-- azure: 603405
-- manual: view-pg-available-extensions

-- on the source
select quote_ident(e.extname) as object, e.extversion as detail, e.extname as key
from pg_extension e
where e.extname <> 'plpgsql'
order by e.extname

-- on the target
select k.key
from unnest($1::text[]) k (key)
where not exists (select from pg_available_extensions a where a.name = k.key)
