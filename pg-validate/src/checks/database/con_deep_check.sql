-- con.deep_check: every CHECK constraint holds
--
-- level: database
-- looks: deep
-- severity: failed
-- message: {count} CHECK {constraint is|constraints are} broken by rows that are there
-- why: The constraint is on the table when rows arrive: COPY is refused.
-- explains: violates check constraint
-- manual: ddl-constraints

-- on the source
with code (object, probe, tree, owner) as (
select
    format('%s.%I', k.conrelid::regclass, k.conname),
    format(
        'select format(''%%s rows'', count(*)) from only %s where not (%s) having count(*) > 0',
        k.conrelid::regclass, pg_get_expr(k.conbin, k.conrelid)
    ),
    k.conbin::text,
    c.relowner
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where k.contype = 'c'
  and c.relkind = 'r'
  and k.convalidated
  and coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
)
