-- acl.default_privs: the target database has no default privileges
--
-- level: database
-- applies: by hand
-- severity: warning
-- message: {count} default {privilege of the target database changes|privileges of the target
--     database change} what is made there
-- why: Every object that is created gets grants that the source does not have.
-- manual: sql-alterdefaultprivileges

-- on the target
select
    format(
        'for %I in %s', pg_get_userbyid(p.defaclrole),
        coalesce(s.oid::regnamespace::text, 'every schema')
    ) as object,
    array_to_string(p.defaclacl, ' ') as detail
from pg_default_acl p
-- Zero is no schema's.
cross join lateral (select nullif(p.defaclnamespace, 0)) s (oid)
order by 1
