-- Columns of the given relations without generated ones, with what decides how their values
-- are compared. Domains are followed to their base type.
-- $1: OIDs of relations. Since 9.5.
with recursive base (oid, type) as (
    select t.oid, t.oid
    from pg_type t
    where t.oid in (
        select a.atttypid from pg_attribute a where a.attrelid = any ($1::oid[]) and a.attnum > 0
    )
    union all
    select base.oid, t.typbasetype
    from base
    join pg_type t on t.oid = base.type
    where t.typtype = 'd'
)
select
    a.attrelid as relation,
    a.attname as name,
    format_type(a.atttypid, a.atttypmod) as data_type,
    declared.typtype = 'd' as is_domain,
    -- With -1 and not null: null gives "character" and "bit", which mean a length of 1.
    format_type(t.oid, -1) as base_type,
    t.typname as base_name,
    -- From 10000 on OIDs are given out by initdb and differ between versions.
    t.oid < 10000 as is_builtin,
    t.typtype::text as base_kind,
    t.typinput = 'pg_catalog.array_in'::regproc as is_array,
    coalesce(
        element.oid < 10000 and element.typtype in ('b', 'r', 'm') and element.typsend::oid <> 0,
        false
    ) as builtin_element,
    coalesce(element.typname like 'reg%', false) as reg_element,
    coalesce(element.typname, '') as element_name,
    -- Before 12 floats have other digits in text. Composite types and ranges with some, and with
    -- nothing else than plain built-in types, are the same everywhere as they are sent.
    coalesce(
        case t.typtype
            when 'c' then (
                select bool_or(e.typname in ('float4', 'float8'))
                    and bool_and(
                        e.oid < 10000 and e.typtype = 'b' and e.typelem = 0
                        and e.typsend::oid <> 0 and e.typname not like 'reg%'
                    )
                from pg_attribute f
                join pg_type e on e.oid = f.atttypid
                where f.attrelid = t.typrelid and f.attnum > 0 and not f.attisdropped
            )
            when 'r' then (
                select e.oid < 10000 and e.typname in ('float4', 'float8')
                from pg_range g
                join pg_type e on e.oid = g.rngsubtype
                where g.rngtypid = t.oid
            )
        end,
        false
    ) as sends_floats,
    send.nspname as send_schema,
    send.proname as send_name,
    output_schema.nspname as output_schema,
    output.proname as output_name
from pg_attribute a
join pg_type declared on declared.oid = a.atttypid
join base on base.oid = a.atttypid
join pg_type t on t.oid = base.type and t.typtype <> 'd'
join pg_proc output on output.oid = t.typoutput::oid
join pg_namespace output_schema on output_schema.oid = output.pronamespace
left join pg_type element on element.oid = t.typelem and t.typelem <> 0
left join lateral (
    select pn.nspname, p.proname
    from pg_proc p
    join pg_namespace pn on pn.oid = p.pronamespace
    where p.oid = t.typsend::oid
) send on true
where a.attrelid = any ($1::oid[])
  and a.attnum > 0
  and not a.attisdropped
  and coalesce(to_jsonb(a) ->> 'attgenerated', '') = ''
order by a.attrelid, a.attnum
