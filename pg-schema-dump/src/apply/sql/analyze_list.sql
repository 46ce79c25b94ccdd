-- What ANALYZE should see, the largest first. $1: whether partitioned tables can be analyzed
-- apart from their partitions; otherwise a partitioned table stands for all of them. $2: whether
-- statistics have been restored, so that it matters which tables lack some. $3: bytes from which
-- on it is told that rows were copied and not frozen. Since 12.
select
    n.nspname::text as schema,
    c.relname::text as name,
    c.relkind = 'p' as is_partitioned,
    s.bytes::bigint as bytes,
    c.relkind = 'r' and coalesce(k.is_unfrozen, false) as is_unfrozen,
    current_setting('data_checksums') = 'off' and current_setting('wal_log_hints') = 'off' as writes_no_hints,
    not $2
        or exists (select from pg_statistic_ext e where e.stxrelid = c.oid)
        or not exists (select from pg_stats a where a.schemaname = n.nspname and a.tablename = c.relname)
        as lacks_some
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
-- Once for all tables: a look into the plan for each of them takes the square of their number.
left join (
    select schema_name, table_name,
        bool_and(done_at is not null) and not bool_or(frozen) and sum(estimated_bytes) >= $3::bigint as is_unfrozen
    from pgmig.chunk
    group by schema_name, table_name
) k on (k.schema_name, k.table_name) = (n.nspname::text, c.relname::text)
cross join lateral (
    select sum(pg_relation_size(t.relid)) as bytes
    from (
        select c.oid as relid where c.relkind = 'r'
        union all
        select p.relid::oid from pg_partition_tree(c.oid) p where c.relkind = 'p'
    ) t
) s
where c.relkind in ('r', 'p')
  and c.relpersistence <> 't'
  and not c.relisshared
  -- Autovacuum sees to the catalogs: making all of this has changed more than enough of them.
  and n.nspname not in ('pgmig', 'pg_toast', 'pg_catalog', 'information_schema')
  and ($1 or not c.relispartition)
order by s.bytes desc nulls last, n.nspname, c.relname
