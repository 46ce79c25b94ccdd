-- func.builtin_refs: no function uses what the target no longer has
--
-- level: database
-- severity: warning
-- message: {count} {use|uses} in functions of something that the target no longer has
-- why: Bodies are not checked when functions are created: they fail when they run.
-- manual: release

-- on the source
select distinct p.oid::regprocedure::text as object, lower(m.word[1]) as key
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
cross join lateral regexp_matches(
    p.prosrc,
    '\m(pg_\w*xlog\w*|proisagg|proiswindow|relhaspkey|consrc|adsrc|relhasoids|protransform|pg_pltemplate|pg_start_backup|pg_stop_backup|pg_is_in_backup|datlastsysoid|buffers_backend|buffers_checkpoint|checkpoints_timed|daticulocale|colliculocale|abstime|reltime|tinterval)\M',
    'gi'
) m (word)
where l.lanname not in ('c', 'internal')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
order by 1, 2

-- on the target
select k.key, format('%s is gone since %s', k.key, w.major) as detail
from unnest($1::text[]) k (key)
join (
    values
        ('^pg_.*xlog', 10), ('^(proisagg|proiswindow|relhaspkey)$', 11),
        ('^(consrc|adsrc|relhasoids|protransform|abstime|reltime|tinterval)$', 12),
        ('^pg_pltemplate$', 13),
        ('^(pg_start_backup|pg_stop_backup|pg_is_in_backup|datlastsysoid)$', 15),
        ('^(buffers_backend|buffers_checkpoint|checkpoints_timed|daticulocale|colliculocale)$', 17)
) as w (pattern, major) on k.key ~ w.pattern
where current_setting('server_version_num')::integer >= w.major * 10000
