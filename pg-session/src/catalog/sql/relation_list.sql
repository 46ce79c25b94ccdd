-- Relations that hold rows of their own: tables, leaf partitions, inheritance children, and
-- configuration tables of extensions with their condition.
-- $1: schemas to leave out besides the system's. Since 9.5.
select
    c.oid,
    n.nspname as schema,
    c.relname as name,
    pg_table_size(c.oid) as bytes,
    case when c.reltuples > 0 or c.relpages > 0 then c.reltuples::float8 end as rows_estimate,
    c.relpersistence = 'u' as unlogged,
    pg_relation_filenode(c.oid)::bigint as filenode,
    parent.nspname as parent_schema,
    parent.relname as parent_name,
    coalesce(extension.condition, '') as condition,
    extension.oid is not null as extension_config,
    coalesce((
        select array_agg(a.attname::text order by k.ordinality)
        from unnest(key.indkey::smallint[]) with ordinality as k (attnum, ordinality)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
        where k.ordinality <= key.columns
    ), '{}') as key
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join lateral (
    select pn.nspname, pc.relname
    from pg_inherits i
    join pg_class pc on pc.oid = i.inhparent
    join pg_namespace pn on pn.oid = pc.relnamespace
    where i.inhrelid = c.oid
    order by i.inhseqno
    limit 1
) parent on true
left join lateral (
    select i.indkey, coalesce((to_jsonb(i) ->> 'indnkeyatts')::integer, i.indnatts::integer) as columns
    from pg_index i
    where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
      and i.indpred is null and i.indexprs is null
      and not exists (
          select from unnest(i.indkey::smallint[]) as k (attnum)
          join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
          -- Of a constraint that is not valid yet, since 18, older rows take no notice.
          where not a.attnotnull or exists (
              select from pg_constraint f
              where f.conrelid = c.oid and f.contype = 'n' and not f.convalidated
                and f.conkey = array[a.attnum]
          )
      )
    order by i.indisprimary desc, i.indnatts, i.indexrelid
    limit 1
) key on true
left join lateral (
    select e.oid, config.condition
    from pg_extension e
    cross join unnest(e.extconfig, e.extcondition) as config (relation, condition)
    where config.relation = c.oid
    limit 1
) extension on true
where c.relkind = 'r'
  and c.relpersistence in ('p', 'u')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and n.nspname <> all ($1::text[])
  and (
      extension.oid is not null
      or not exists (
          select from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
  )
order by n.nspname, c.relname
