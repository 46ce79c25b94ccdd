-- How far the index builds of some server processes ($1) are. Since 12.
select
    p.pid,
    coalesce(n.nspname || '.' || c.relname, '') as table_name,
    p.phase,
    case
        when p.phase like 'building index: scanning%' and p.blocks_total > 0
            then 0.5 * p.blocks_done / p.blocks_total
        when p.phase like 'building index: sorting%' then 0.5
        when p.phase like 'building index: loading%' and p.tuples_total > 0
            then 0.5 + 0.5 * p.tuples_done / p.tuples_total
        else 0.0
    end::double precision as part_done
from pg_stat_progress_create_index p
left join pg_class c on c.oid = p.relid
left join pg_namespace n on n.oid = c.relnamespace
where p.pid = any ($1::integer[])
order by p.pid
