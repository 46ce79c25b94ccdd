-- tbl.too_many_objects: very many objects
--
-- level: database
-- severity: info
-- message: the catalog has more than 50,000 relations
-- why: A dump takes minutes before the first row, and holds a lock on each table.
-- manual: catalog-pg-class

-- on the source
select current_database()::text as object, format('%s relations', count(*)) as detail
from pg_class
having count(*) > 50000
