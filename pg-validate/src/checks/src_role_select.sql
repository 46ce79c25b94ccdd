-- Tables and sequences that our role may not read, extensions' own left out unless their
-- rows are copied. CASE keeps the privilege functions from relations of the wrong kind. Since 9.5.
select
    n.nspname::text as schema,
    c.relname::text as name,
    c.relkind = 'S' as is_sequence,
    not has_schema_privilege(n.oid, 'USAGE') as lacks_schema
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'S')
  and c.relpersistence in ('p', 'u')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and (
      not has_schema_privilege(n.oid, 'USAGE')
      or not case
          when c.relkind = 'S' then has_sequence_privilege(c.oid, 'SELECT')
          when c.relkind in ('r', 'p') then has_table_privilege(c.oid, 'SELECT')
          else true
      end
  )
  and (
      exists (select from pg_extension e where c.oid = any (e.extconfig))
      or not exists (
          select from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
  )
order by n.nspname, c.relname
