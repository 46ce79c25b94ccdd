-- What stands in the way of changing rows of some tables: foreign keys that are checked at once,
-- triggers of users, unique keys, and identity columns that take no values.
-- $1: OIDs of the tables. Since 10.
with recursive wanted (oid) as (
    select unnest($1::oid[])
),
-- Keys of partitioned tables can only be changed there.
ancestors (oid) as (
    select oid from wanted
    union
    select i.inhparent
    from ancestors
    join pg_inherits i on i.inhrelid = ancestors.oid
    join pg_class c on c.oid = i.inhparent and c.relkind = 'p'
)
select
    'foreign key' as fact,
    f.conrelid::oid as relation,
    f.confrelid::oid as referenced,
    n.nspname::text as schema,
    c.relname::text as table,
    f.conname::text as name,
    -- Whether it does something at once when a row is deleted: cascades, or forbids it.
    (f.confdeltype <> 'a')::text as detail,
    coalesce(to_jsonb(f) ->> 'conparentid', '0') = '0' and not f.condeferrable as changes
from pg_constraint f
join pg_class c on c.oid = f.conrelid
join pg_namespace n on n.oid = c.relnamespace
where f.contype = 'f'
  and (f.conrelid in (select oid from ancestors) or f.confrelid in (select oid from ancestors))
union all
select 'trigger', t.tgrelid, null, n.nspname::text, c.relname::text, t.tgname::text, t.tgenabled::text, true
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
where t.tgrelid in (select oid from wanted) and not t.tgisinternal and t.tgenabled in ('O', 'A')
union all
select distinct 'unique', i.indrelid, null::oid, n.nspname::text, c.relname::text, a.attname::text, '', false
from pg_index i
join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey::smallint[])
where i.indrelid in (select oid from wanted) and (i.indisunique or i.indisexclusion)
union all
select 'identity', a.attrelid, null, n.nspname::text, c.relname::text, a.attname::text, '', false
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attrelid in (select oid from wanted) and a.attidentity = 'a' and not a.attisdropped
order by 1, 2, 6
