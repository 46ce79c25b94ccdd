-- con.fk_triggers_disabled: every foreign key is watched
--
-- level: database
-- severity: warning
-- message: triggers of {count} foreign {key|keys} are disabled: rows may point nowhere
-- why: Whoever disabled triggers loaded rows that nothing checked. A key that the rows break stays
--     NOT VALID on the target and is reported; --deep finds the rows beforehand.
-- manual: sql-altertable

-- on the source
select distinct
    format('%s.%I', k.conrelid::regclass, k.conname) as object,
    format('alter table %s enable trigger all;', t.tgrelid::regclass) as fix
from pg_trigger t
join pg_constraint k on k.oid = t.tgconstraint
where k.contype = 'f'
  and t.tgisinternal
  and t.tgenabled <> 'O'
  -- Of keys that are not enforced, 18 and up.
  and coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
order by 1
