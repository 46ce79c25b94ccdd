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
select format('server %I', s.srvname) as object, format('wrapper %I', w.fdwname) as detail
from pg_foreign_server s
join pg_foreign_data_wrapper w on w.oid = s.srvfdw
union all
select
    format('user mapping for %I on server %I', m.usename, m.srvname),
    case when m.umoptions is null then 'options hidden from our role' else 'set its password on the target' end
from pg_user_mappings m
order by 1
