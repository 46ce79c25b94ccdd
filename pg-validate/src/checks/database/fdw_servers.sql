-- fdw.servers: no other server is known to the source database
--
-- level: database
-- severity: warning
-- message: {count} {entry|entries} of foreign servers {needs|need} attention
-- why: Wrappers are made by superusers only. Passwords of user mappings stay out of records and
--     have to be set on the target; some roles cannot see them at all.
-- explains: permission denied to create foreign-data wrapper
-- explains: permission denied for foreign-data wrapper
-- manual: ddl-foreign-data

-- on the source
select format('wrapper %I', w.fdwname) as object, 'made by a superuser' as detail, 'wrapper' as key
from pg_foreign_data_wrapper w
where not exists (
      select from pg_depend d
      where d.classid = 'pg_foreign_data_wrapper'::regclass and d.objid = w.oid and d.deptype = 'e'
  )
union all
select format('server %I', s.srvname), format('wrapper %I', w.fdwname), 'server'
from pg_foreign_server s
join pg_foreign_data_wrapper w on w.oid = s.srvfdw
union all
select
    format('user mapping for %I on server %I', m.usename, m.srvname),
    case when m.umoptions is null then 'options hidden from our role' else 'set its password on the target' end,
    'mapping'
from pg_user_mappings m
order by 1

-- on the target
select k.key, case when k.key = 'wrapper' and not r.rolsuper then 'failed' end as severity
from unnest($1::text[]) k (key)
join pg_roles r on r.rolname = current_user
