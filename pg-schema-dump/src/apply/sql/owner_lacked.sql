-- Roles ($1) that we may not give objects to as things are: not members, or from 16 on members
-- without SET. Since 9.5.
select r.rolname::text as name
from pg_roles r
where r.rolname = any ($1::text[])
  and not pg_has_role(
      r.oid,
      case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end
  )
order by r.rolname
