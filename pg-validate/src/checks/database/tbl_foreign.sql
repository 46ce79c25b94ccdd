-- tbl.foreign: no table is foreign
--
-- level: database
-- severity: warning
-- message: {count} foreign {table shows|tables show} rows of another server, which are not copied
-- why: The target must reach that server by itself, through its own firewall.
-- manual: ddl-foreign-data

-- on the source
select c.oid::regclass::text as object, format('on server %I', s.srvname) as detail
from pg_foreign_table f
join pg_class c on c.oid = f.ftrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_foreign_server s on s.oid = f.ftserver
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by 1
