-- Whether a role ($1) exists. Since 9.5.
select exists (select from pg_roles r where r.rolname = $1) as found
