-- Sequences of user schemas, those of extensions left out, unless they are configuration.
-- $1: schemas to leave out besides the system's. Since 9.5.
select n.nspname as schema, c.relname as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'S'
  and c.relpersistence in ('p', 'u')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and n.nspname <> all ($1::text[])
  and (
      exists (select from pg_extension e where c.oid = any (e.extconfig))
      or not exists (
          select from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
  )
order by n.nspname, c.relname
