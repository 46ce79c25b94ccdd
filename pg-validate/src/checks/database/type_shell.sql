-- type.shell: no type was begun and never defined
--
-- level: database
-- severity: failed when not superuser
-- severity: warning
-- message: {count} {type was|types were} begun and never defined
-- why: It is of no use; who may not create base types cannot create it either.
-- explains: must be superuser to create a base type
-- manual: sql-createtype

-- on the source
select
    format('%I.%I', n.nspname, t.typname) as object,
    format('drop type %I.%I;', n.nspname, t.typname) as fix
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
where not t.typisdefined
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by 1
