-- What a database holds of its own, that is, what it has beyond template0: relations,
-- functions, types and schemas outside of the system's and of extensions. Since 9.5.
with own (shown) as (
    select format('%I.%I', n.nspname, c.relname)
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and not exists (
          select from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
    union all
    select format('%I.%I', n.nspname, p.proname)
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and not exists (
          select from pg_depend d
          where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
      )
    union all
    select format('%I.%I', n.nspname, t.typname)
    from pg_type t
    join pg_namespace n on n.oid = t.typnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and t.typtype in ('e', 'd', 'r')
      and not exists (
          select from pg_depend d
          where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
      )
    union all
    select format('schema %I', n.nspname)
    from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public')
      and not exists (
          select from pg_depend d
          where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e'
      )
    union all
    select format('large object %s', m.oid)
    from pg_largeobject_metadata m
)
select count(*) as count, coalesce(min(shown), '') as example
from own
