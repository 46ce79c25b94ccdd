-- Extensions that the server offers, with the version that CREATE EXTENSION takes. Since 9.5.
select a.name::text as name, a.default_version as version
from pg_available_extensions a
order by a.name
