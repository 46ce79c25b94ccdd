-- cast.user: casts can be made again
--
-- level: database
-- severity: failed
-- message: {count} {cast is|casts are} for superusers to make
-- why: A cast without a function reinterprets bytes: nobody else may create one.
-- explains: must be superuser to create a cast WITHOUT FUNCTION
-- azure: 603409
-- manual: sql-createcast

-- on the source
select format('%s as %s', k.castsource::regtype, k.casttarget::regtype) as object, k.castmethod as key
from pg_cast k
where k.oid >= 16384
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_cast'::regclass and d.objid = k.oid and d.deptype = 'e'
  )
order by 1

-- on the target
select k.key
from unnest($1::text[]) k (key)
where k.key = 'b'
  and not (select r.rolsuper from pg_roles r where r.rolname = current_user)
