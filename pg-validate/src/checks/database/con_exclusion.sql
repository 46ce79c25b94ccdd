-- con.exclusion: exclusion constraints
--
-- level: database
-- severity: info
-- message: {count} exclusion {constraint is|constraints are} built one by one
-- why: They cannot be taken from an index that is there already, and their builds are not
--     parallel.
-- manual: ddl-constraints

-- on the source
select format('%s.%I', k.conrelid::regclass, k.conname) as object
from pg_constraint k
where k.contype = 'x'
order by 1
