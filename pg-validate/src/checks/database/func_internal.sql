-- func.internal: no function is of the server's own
--
-- level: database
-- severity: failed
-- message: {count} {function calls|functions call} a function inside of the server that the target
--     refuses
-- why: Only superusers may use the language internal, and what it names may be gone.
-- explains: permission denied for language internal
-- explains: there is no built-in function named
-- manual: xfunc-internal

-- on the source
-- Constructors of range types come with the type.
select p.oid::regprocedure::text as object, p.prosrc as detail, p.prosrc as key
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype in ('e', 'i')
  )
  and l.lanname = 'internal'
  and p.prosrc <> 'aggregate_dummy'
order by 1

-- on the target
select k.key
from unnest($1::text[]) k (key)
where not (select r.rolsuper from pg_roles r where r.rolname = current_user)
   or not exists (
       select
       from pg_proc p
       join pg_language l on l.oid = p.prolang
       where l.lanname = 'internal' and p.prosrc = k.key
   )
