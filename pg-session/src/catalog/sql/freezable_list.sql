-- Tables that can be emptied and loaded with frozen rows in one transaction: TRUNCATE is granted,
-- and no trigger is there that would notice, nor a foreign key, whose triggers count. Since 9.5.
select n.nspname::text as schema, c.relname::text as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r'
  and has_table_privilege(c.oid, 'TRUNCATE')
  and not exists (select from pg_trigger t where t.tgrelid = c.oid)
