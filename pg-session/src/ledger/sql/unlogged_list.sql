-- Unlogged tables, and how many rows of them are in by the ledger. Rows that came through a root lie
-- in whichever partition the target finds right, so those cannot be counted one by one.
select c.schema_name, c.table_name, sum(c.rows)::bigint as rows
from pgmig.chunk as c
join pg_catalog.pg_namespace as n on n.nspname = c.schema_name
join pg_catalog.pg_class as t on t.relnamespace = n.oid and t.relname = c.table_name
where t.relpersistence = 'u' and c.done_at is not null and c.method <> 'root'
group by c.schema_name, c.table_name
having sum(c.rows) > 0
order by c.schema_name, c.table_name
