-- sec.labels: no security label needs a provider
--
-- level: database
-- severity: failed
-- message: {count} security {label needs its|labels need their} provider on the target
-- why: SECURITY LABEL is refused where the library is not loaded.
-- explains: security label provider
-- manual: sql-security-label

-- on the source
select format('%s %s', l.objtype, l.objname) as object, format('provider %s', l.provider) as detail, l.provider as key
from pg_seclabels l
order by 1

-- on the target
select k.key
from unnest($1::text[]) k (key)
where not k.key = any (
    regexp_split_to_array(
        concat_ws(
            ',',
            replace(current_setting('shared_preload_libraries'), '$libdir/', ''),
            replace(current_setting('session_preload_libraries'), '$libdir/', '')
        ),
        '\s*,\s*'
    )
)
