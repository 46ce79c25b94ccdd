-- Of the given roles those that do not exist here, and those that our role cannot give objects
-- to: before 16 those that it is no member of, from 16 on those that it may not SET ROLE to.
-- The privilege is chosen by the version, because an older server does not know SET. Since 9.5.
select wanted.name
from unnest($1::text[]) wanted (name)
left join pg_roles r on r.rolname = wanted.name
where r.oid is null
   or not pg_has_role(
       r.oid,
       case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end
   )
order by wanted.name
