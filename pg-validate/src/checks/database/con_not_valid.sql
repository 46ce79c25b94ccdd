-- con.not_valid: every constraint is valid
--
-- level: database
-- severity: warning
-- message: {count} {constraint is|constraints are} NOT VALID
-- why: Rows may break it. It is made NOT VALID on the target, too, after the rows.
-- manual: sql-altertable

-- on the source
select
    format('%s.%I', k.conrelid::regclass, k.conname) as object,
    format('alter table %s validate constraint %I;', k.conrelid::regclass, k.conname) as fix
from pg_constraint k
join pg_namespace n on n.oid = k.connamespace
where k.conrelid <> 0
  and not k.convalidated
  -- Nothing is ever valid that is not enforced, 18 and up.
  and coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by 1
