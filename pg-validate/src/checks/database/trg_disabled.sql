-- trg.disabled: triggers that are disabled
--
-- level: database
-- severity: info
-- message: {count} {trigger is|triggers are} disabled, and will be
-- why: Triggers are made after the rows, with the state that they have.
-- manual: sql-altertable

-- on the source
select format('%s.%I', t.tgrelid::regclass, t.tgname) as object
from pg_trigger t
where not t.tgisinternal
  and t.tgenabled = 'D'
order by 1
