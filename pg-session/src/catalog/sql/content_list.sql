-- What stands in a database besides the system's, extensions' and the ledger's: relations,
-- routines, types, schemas and large objects. Since 9.5.
select found.kind, found.schema, found.name
from (
    select
        case c.relkind
            when 'S' then 'sequence'
            when 'v' then 'view'
            when 'm' then 'materialized view'
            when 'f' then 'foreign table'
            else 'table'
        end as kind,
        n.nspname::text as schema,
        c.relname::text as name,
        c.oid,
        'pg_class'::regclass::oid as classid
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select 'routine', n.nspname::text, p.proname::text, p.oid, 'pg_proc'::regclass::oid
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    -- Constructors of ranges come and go with their type.
    where not exists (
        select from pg_depend d
        where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i'
    )
    union all
    select 'type', n.nspname::text, t.typname::text, t.oid, 'pg_type'::regclass::oid
    from pg_type t
    join pg_namespace n on n.oid = t.typnamespace
    -- That a type of several columns is an extension's stands at the type, not at its pg_class.
    where t.typtype in ('e', 'd', 'r')
       or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c')
    union all
    select 'schema', '', n.nspname::text, n.oid, 'pg_namespace'::regclass::oid
    from pg_namespace n
    where n.nspname not in ('public', 'pgmig', 'information_schema') and n.nspname !~ '^pg_'
    union all
    select 'large object', '', m.oid::text, m.oid, 0::oid
    from pg_largeobject_metadata m
) found
where found.schema !~ '^pg_'
  and found.schema not in ('information_schema', 'pgmig')
  and not exists (
      select from pg_depend d
      where d.classid = found.classid and d.objid = found.oid and d.deptype = 'e'
  )
order by found.schema, found.name, found.kind
