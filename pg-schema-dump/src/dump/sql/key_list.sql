-- Primary keys and unique constraints of tables that hold rows, with the command that makes their
-- index, and whether a primary key's NOT NULL may be a parent's. Temporal keys are left out:
-- their index cannot be made alone. Since 9.5.
select
    n.nspname as schema,
    c.relname as relation,
    k.conname as name,
    pg_get_indexdef(k.conindid) as sql,
    k.contype = 'p' and exists (select from pg_inherits p where p.inhrelid = c.oid) as is_inheriting
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_index i on i.indexrelid = k.conindid
where k.contype in ('p', 'u')
  and c.relkind = 'r'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and coalesce(to_jsonb(k) ->> 'conperiod', 'false') = 'false'
