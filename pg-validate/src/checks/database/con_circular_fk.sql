-- con.circular_fk: foreign keys that go round
--
-- level: database
-- severity: info
-- message: {count} {pair|pairs} of tables refer to each other
-- why: Foreign keys are made after all rows are in, so that the order of tables does not matter.
-- manual: ddl-constraints

-- on the source
select
    format('%s and %s', a.conrelid::regclass, a.confrelid::regclass) as object,
    format('%I, %I', a.conname, b.conname) as detail
from pg_constraint a
join pg_constraint b on b.conrelid = a.confrelid and b.confrelid = a.conrelid
where a.contype = 'f' and b.contype = 'f' and a.oid < b.oid
order by 1
