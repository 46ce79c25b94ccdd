-- conv.user: conversions have functions that the target takes
--
-- level: database
-- applies: target >= 14
-- severity: failed
-- message: {count} {conversion has|conversions have} a function of its own, whose arguments have
--     changed
-- why: PostgreSQL 14 gave conversion functions another argument and a result.
-- explains: cstring, internal, integer, boolean) does not exist
-- manual: sql-createconversion

-- on the source before 14
select format('%I.%I', n.nspname, v.conname) as object, v.conproc::text as detail
from pg_conversion v
join pg_namespace n on n.oid = v.connamespace
where v.conproc::oid >= 16384
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_conversion'::regclass and d.objid = v.oid and d.deptype = 'e'
  )
order by 1
