-- Extensions with their version and the tables and sequences whose rows are the user's. Since 9.5.
select
    e.extname as name,
    e.extversion as version,
    coalesce(array_agg(n.nspname::text order by c.oid) filter (where c.oid is not null), '{}') as schemas,
    coalesce(array_agg(c.relname::text order by c.oid) filter (where c.oid is not null), '{}') as relations
from pg_extension e
left join pg_class c on c.oid = any (e.extconfig)
left join pg_namespace n on n.oid = c.relnamespace
group by e.extname, e.extversion
order by e.extname
