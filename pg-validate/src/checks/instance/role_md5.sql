-- role.md5: passwords that are MD5 hashes
--
-- level: instance
-- applies: source superuser
-- severity: info
-- message: {count} {role has|roles have} a password as an MD5 hash
-- why: A hash is carried over as it is, and a server that asks for SCRAM does not take it; 18
--     warns of it. Set the password anew.
-- manual: auth-password

-- on the source
select
    quote_ident(a.rolname) as object,
    format('-- in psql: \password %I', a.rolname) as fix
from pg_authid a
where a.rolpassword ~ '^md5'
order by 1
