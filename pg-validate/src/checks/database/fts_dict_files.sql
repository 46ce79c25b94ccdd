-- fts.dict_files: no dictionary wants files of its own
--
-- level: database
-- severity: warning
-- message: {count} {dictionary reads|dictionaries read} files, which must be on the target
-- why: CREATE TEXT SEARCH DICTIONARY looks for them in the directory tsearch_data of the server,
--     which is not yours on a managed one.
-- explains: could not open
-- manual: textsearch-dictionaries

-- on the source
select format('%I.%I', n.nspname, t.dictname) as object, t.dictinitoption as detail
from pg_ts_dict t
join pg_namespace n on n.oid = t.dictnamespace
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and t.dictinitoption ~* '(stopwords|dictfile|afffile|synonyms|rules)'
  -- Lists of stop words that every server has.
  and not (
      t.dictinitoption !~* '(dictfile|afffile|synonyms|rules)'
      and t.dictinitoption ~* 'stopwords = ''?(danish|dutch|english|finnish|french|german|hungarian|italian|nepali|norwegian|portuguese|russian|spanish|swedish|turkish)''?'
  )
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_ts_dict'::regclass and d.objid = t.oid and d.deptype = 'e'
  )
order by 1
