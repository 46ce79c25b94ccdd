-- con.fk_triggers_disabled: every foreign key is watched
--
-- level: database
-- severity: warning
-- message: triggers of {count} foreign {key|keys} are disabled: rows may point nowhere
-- why: Whoever disabled triggers loaded rows that nothing checked. A key that the rows break stays
--     NOT VALID on the target and is reported; --deep finds the rows beforehand.
-- manual: sql-altertable

-- on the source
select
    format('%s.%I', k.conrelid::regclass, k.conname) as object,
    -- One by one, because ALL would enable triggers that somebody wants disabled, too.
    string_agg(
        format('alter table %s enable trigger %I;', t.tgrelid::regclass, t.tgname), ' ' order by t.oid
    ) as fix
from pg_trigger t
join pg_constraint k on k.oid = t.tgconstraint
where k.contype = 'f'
  and t.tgisinternal
  and t.tgenabled <> 'O'
  -- Of keys that are not enforced, 18 and up.
  and coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
group by k.oid, k.conrelid, k.conname
order by 1
