-- rule.table_rules: rules on tables
--
-- level: database
-- severity: info
-- message: {count} {rule|rules} on tables and views {is|are} made after the rows
-- why: COPY fires no rules.
-- manual: rules

-- on the source
select format('%s.%I', r.ev_class::regclass, r.rulename) as object
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
join pg_namespace n on n.oid = c.relnamespace
where r.rulename <> '_RETURN'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by 1
