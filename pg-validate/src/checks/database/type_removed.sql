-- type.removed: no column has a type that the target no longer has
--
-- level: database
-- applies: target >= 12
-- severity: failed
-- message: {count} {column has|columns have} a type that the target no longer has
-- why: abstime, reltime and tinterval are gone since 12. Use timestamptz, interval and tstzrange.
-- explains: type "abstime" does not exist
-- explains: type "reltime" does not exist
-- explains: type "tinterval" does not exist
-- explains: type "unknown" does not exist
-- manual: datatype-datetime

-- on the source before 12
select
    format('%s.%I', c.oid::regclass, a.attname) as object,
    t.typname as detail,
    case
        when c.relkind in ('r', 'p') and t.typname = 'abstime'
            then format('alter table %s alter column %I type timestamptz;', c.oid::regclass, a.attname)
        when c.relkind in ('r', 'p') and t.typname = 'reltime'
            then format('alter table %s alter column %I type interval;', c.oid::regclass, a.attname)
    end as fix
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
where a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and t.typnamespace = 'pg_catalog'::regnamespace
  and t.typname in (
      'abstime', 'reltime', 'tinterval', '_abstime', '_reltime', '_tinterval', 'unknown', 'smgr', 'opaque'
  )
order by n.nspname, c.relname, a.attnum
