-- func.file_access: no function reads or writes the server's files
--
-- level: database
-- severity: warning when target managed
-- severity: info
-- message: {count} {use|uses} in functions of files of the server or of other servers
-- why: A managed server has no files of yours. dblink may hold names and passwords of the old
--     server.
-- manual: functions-admin

-- on the source
select distinct p.oid::regprocedure::text as object, lower(m.word[1]) as detail
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
cross join lateral regexp_matches(
    p.prosrc,
    '\m(pg_read_file|pg_read_binary_file|pg_ls_dir|lo_import|lo_export|dblink\w*|copy\s[^;]*\s(?:to|from)\s+(?:program\s+)?'')',
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
