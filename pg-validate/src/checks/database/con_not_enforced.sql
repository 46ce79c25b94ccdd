-- con.not_enforced: the target knows constraints that are not enforced
--
-- level: database
-- applies: target < 18
-- severity: failed
-- message: {count} {constraint is|constraints are} NOT ENFORCED, which the target does not know
-- why: The syntax came with 18.
-- manual: sql-createtable

-- on the source from 18
select format('%s.%I', k.conrelid::regclass, k.conname) as object
from pg_constraint k
where k.conrelid <> 0 and not k.conenforced
order by 1
