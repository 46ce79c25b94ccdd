-- lang.missing: the target has the languages of functions
--
-- level: database
-- severity: failed
-- message: the target does not have {count} {language|languages} of the source
-- why: CREATE FUNCTION is refused. plpythonu and plpython2u are gone since 15: move to plpython3u.
-- explains: does not exist; language
-- azure: 603413
-- manual: xplang

-- on the source
select
    quote_ident(l.lanname) as object,
    format('%s functions', (select count(*) from pg_proc p where p.prolang = l.oid)) as detail,
    l.lanname as key,
    -- Refused as long as a function needs it.
    format('drop %s %I;', case when e.oid is null then 'language' else 'extension' end, coalesce(e.extname, l.lanname)) as fix
from pg_language l
left join pg_depend d on d.classid = 'pg_language'::regclass and d.objid = l.oid and d.deptype = 'e'
left join pg_extension e on e.oid = d.refobjid
where l.lanispl and l.lanname <> 'plpgsql'
order by l.lanname

-- on the target
select k.key
from unnest($1::text[]) k (key)
where not exists (select from pg_language l where l.lanname = k.key)
  and not exists (select from pg_available_extensions a where a.name = k.key)
