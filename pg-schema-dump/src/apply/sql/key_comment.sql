-- The statement that comments on a foreign key as it is commented on: $1 is the schema of its
-- table, $2 what pg_dump tags it with, table and constraint. Since 9.5.
select format('comment on constraint %I on %s is %L', c.conname, c.conrelid::regclass, d.description) as sql
from pg_constraint c
join pg_class r on r.oid = c.conrelid
join pg_namespace n on n.oid = r.relnamespace
join pg_description d on d.objoid = c.oid and d.classoid = 'pg_constraint'::regclass
where c.contype = 'f'
  and n.nspname = $1
  and r.relname || ' ' || c.conname = $2
