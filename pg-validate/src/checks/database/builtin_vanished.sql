-- builtin.vanished: the target has every built-in function and operator that is used
--
-- level: database
-- severity: failed
-- message: {count} {use|uses} of a built-in function or operator that the target does not have
-- why: Built-in objects leave no dependency: they are found in the parsed trees of views,
--     defaults, constraints, indexes, triggers and policies, and looked up by name and types on the
--     target.
-- explains: operator does not exist
-- manual: release

-- on the source
with expression (object, tree) as (
    select c.oid::regclass::text, r.ev_action::text
    from pg_rewrite r
    join pg_class c on c.oid = r.ev_class
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_'
      and n.nspname <> 'information_schema'
      and not exists (
          select from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
    union all
    select format('%s.%I', f.adrelid::regclass, a.attname), f.adbin::text
    from pg_attrdef f
    join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
    union all
    select format('%s.%I', coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text), k.conname), k.conbin::text
    from pg_constraint k
    where k.conbin is not null and k.oid >= 16384
    union all
    select i.indexrelid::regclass::text, concat(i.indexprs::text, i.indpred::text)
    from pg_index i
    where i.indexrelid >= 16384 and (i.indexprs is not null or i.indpred is not null)
    union all
    select format('%s.%I', t.tgrelid::regclass, t.tgname), t.tgqual::text
    from pg_trigger t
    where t.tgqual is not null
    union all
    select format('%s.%I', p.polrelid::regclass, p.polname), concat(p.polqual::text, p.polwithcheck::text)
    from pg_policy p
), called (object, kind, oid) as (
    select distinct e.object, m.match[1], m.match[2]::oid
    from expression e
    cross join lateral regexp_matches(e.tree, ':(funcid|aggfnoid|winfnoid|opno) (\d+)', 'g') m (match)
)
select
    u.object,
    'uses ' || u.name as detail,
    u.name as key
from (
    select
        c.object,
        'function ' || p.proname || '(' || replace(replace(replace(oidvectortypes(p.proargtypes), 'anycompatiblearray', 'anyarray'), 'anycompatiblenonarray', 'anynonarray'), 'anycompatible', 'anyelement') || ')' as name
    from called c
    join pg_proc p on p.oid = c.oid
    where c.kind <> 'opno' and p.oid < 16384
    union
    select
        c.object,
        'operator ' || o.oprname || '(' || replace(replace(replace(format_type(o.oprleft, null) || ', ' || format_type(o.oprright, null), 'anycompatiblearray', 'anyarray'), 'anycompatiblenonarray', 'anynonarray'), 'anycompatible', 'anyelement') || ')'
    from called c
    join pg_operator o on o.oid = c.oid
    where c.kind = 'opno' and o.oid < 16384
) u
order by 1, 2

-- on the target
select k.key
from unnest($1::text[]) k (key)
except
select 'function ' || p.proname || '(' || replace(replace(replace(oidvectortypes(p.proargtypes), 'anycompatiblearray', 'anyarray'), 'anycompatiblenonarray', 'anynonarray'), 'anycompatible', 'anyelement') || ')'
from pg_proc p
where p.pronamespace = 'pg_catalog'::regnamespace
except
select 'operator ' || o.oprname || '(' || replace(replace(replace(format_type(o.oprleft, null) || ', ' || format_type(o.oprright, null), 'anycompatiblearray', 'anyarray'), 'anycompatiblenonarray', 'anynonarray'), 'anycompatible', 'anyelement') || ')'
from pg_operator o
where o.oprnamespace = 'pg_catalog'::regnamespace
