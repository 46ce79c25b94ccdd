-- func.in_defaults_generated: columns that call functions
--
-- level: database
-- severity: info
-- message: {count} {column calls|columns call} a function in a default or a generation expression
-- why: A stored generated column is computed for each row that is copied, by the function as it is
--     on the target.
-- manual: ddl-generated-columns

-- on the source
select format('%s.%I', f.adrelid::regclass, a.attname) as object, pg_get_expr(f.adbin, f.adrelid) as detail
from pg_attrdef f
join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
join pg_class c on c.oid = f.adrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and exists (
      select
      from pg_depend d
      join pg_proc p on p.oid = d.refobjid
      where d.classid = 'pg_attrdef'::regclass
        and d.objid = f.oid
        and d.refclassid = 'pg_proc'::regclass
  )
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by 1
