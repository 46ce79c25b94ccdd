-- gen.columns: generated columns
--
-- level: database
-- severity: info
-- message: {count} {column is|columns are} generated: computed on the target, not copied
-- why: COPY takes no generated columns. Virtual ones came with 18.
-- manual: ddl-generated-columns

-- on the source from 12
select
    format('%s.%I', c.oid::regclass, a.attname) as object,
    a.attgenerated as key
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
where a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'm')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  and a.attgenerated <> ''
order by n.nspname, c.relname, a.attnum

-- on the target
select
    k.key,
    case k.key when 'v' then 'virtual' else 'stored' end as detail,
    case
        when k.key = 'v' and current_setting('server_version_num')::integer < 180000 then 'failed'
    end as severity
from unnest($1::text[]) k (key)
