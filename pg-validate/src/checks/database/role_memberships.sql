-- role.memberships: groups that the server or a platform brings are on the target
--
-- level: database
-- severity: warning
-- message: {count} {membership is|memberships are} in a group that the target does not have
-- why: Groups named pg_ came with one version or another, those of platforms exist nowhere else:
--     the membership is missing on the target.
-- manual: predefined-roles

-- on the source
select distinct
    format('%I in %I', m.rolname, g.rolname) as object,
    g.rolname as key,
    format('revoke %I from %I;', g.rolname, m.rolname) as fix
from pg_auth_members a
join pg_roles g on g.oid = a.roleid
join pg_roles m on m.oid = a.member
where m.oid >= 16384
  and m.rolname !~ '^(rds|azure|cloudsql|alloydb)'
  and (
      g.rolname ~ '^pg_'
      or g.rolname ~ '^(rds_|azure_|cloudsql|alloydb|neon_|supabase_)'
  )
order by 1

-- on the target
select k.key
from unnest($1::text[]) k (key)
where not exists (select from pg_roles r where r.rolname = k.key)
