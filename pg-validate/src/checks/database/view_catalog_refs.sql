-- view.catalog_refs: views use catalogs that the target has
--
-- level: database
-- severity: failed
-- message: {count} {use|uses} in views of a catalog or a column of it that the target does not
--     have
-- why: CREATE VIEW is refused.
-- explains: consrc does not exist
-- manual: catalogs

-- on the source
select distinct c.oid::regclass::text as object, m.name[1] as key
-- Views of catalogs only: to write a view out locks what it reads.
from (
    select distinct r.ev_class as oid
    from pg_rewrite r
    cross join lateral regexp_matches(r.ev_action::text, ':relid (\d+)', 'g') m (relid)
    where r.ev_class >= 16384 and m.relid[1]::oid < 16384
    offset 0
) u
join pg_class c on c.oid = u.oid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral regexp_matches(
    pg_get_viewdef(c.oid),
    '\m(pg_(?!catalog\M)\w+|consrc|adsrc|relhasoids|relhaspkey|proisagg|proiswindow|protransform|datlastsysoid|daticulocale|colliculocale|buffers_backend|buffers_checkpoint|checkpoints_timed)\M',
    'g'
) m (name)
where c.relkind in ('v', 'm')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by 1, 2

-- on the target
select k.key, case when k.key ~ '^pg_' then k.key else format('column %s', k.key) end || ' is gone' as detail
from unnest($1::text[]) k (key)
where not exists (select from pg_class c where c.relname = k.key and c.relnamespace = 'pg_catalog'::regnamespace)
  and not exists (select from pg_proc p where p.proname = k.key and p.pronamespace = 'pg_catalog'::regnamespace)
  and not exists (select from pg_type t where t.typname = k.key and t.typnamespace = 'pg_catalog'::regnamespace)
  and not exists (
      select
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid
      where a.attname = k.key and c.relnamespace = 'pg_catalog'::regnamespace
  )
  -- What an extension or a user has made is not the catalog's.
  and k.key !~ '^pg_(stat_statements|buffercache|freespace|visibility|store|stat_kcache|qualstats|toast|temp)'
