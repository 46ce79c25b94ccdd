-- op.class_family: operator classes can be made again
--
-- level: database
-- applies: not superuser
-- severity: failed
-- message: {count} operator {class is|classes are} for superusers to make
-- why: A wrong operator class can crash the server; nobody else may create one.
-- explains: must be superuser to create an operator class
-- explains: must be superuser to create an operator family
-- manual: sql-createopclass

-- on the source
select format('%I.%I', n.nspname, o.opcname) as object
from pg_opclass o
join pg_namespace n on n.oid = o.opcnamespace
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_opclass'::regclass and d.objid = o.oid and d.deptype = 'e'
  )
order by 1
