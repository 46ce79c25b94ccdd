-- lo.present: large objects
--
-- level: database
-- severity: info
-- message: large objects keep their OIDs, owners and grants
-- why: They are copied under the same snapshot as the rows.
-- manual: largeobjects

-- on the source
select current_database()::text as object, format('%s large objects', count(*)) as detail
from pg_largeobject_metadata
having count(*) > 0
