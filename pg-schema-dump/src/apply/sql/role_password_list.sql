-- Password hashes of roles ($1), for superusers only. Since 9.1.
select rolname::text as name, rolpassword::text as hash
from pg_authid
where rolname = any ($1::text[])
  and rolpassword is not null
