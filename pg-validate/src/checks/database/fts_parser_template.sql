-- fts.parser_template: parts of text search can be made again
--
-- level: database
-- applies: not superuser
-- severity: failed
-- message: {count} {parser or template|parsers or templates} of text search {is|are} for
--     superusers to make
-- why: They are made of functions in C.
-- explains: must be superuser to create text search templates
-- explains: must be superuser to create text search parsers
-- manual: textsearch-dictionaries

-- on the source
select format('parser %I.%I', n.nspname, p.prsname) as object
from pg_ts_parser p
join pg_namespace n on n.oid = p.prsnamespace
where p.oid >= 16384
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_ts_parser'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
union all
select format('template %I.%I', n.nspname, t.tmplname)
from pg_ts_template t
join pg_namespace n on n.oid = t.tmplnamespace
where t.oid >= 16384
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_ts_template'::regclass and d.objid = t.oid and d.deptype = 'e'
  )
order by 1
