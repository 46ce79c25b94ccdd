-- trg.enabled_always: triggers that always fire
--
-- level: database
-- severity: info
-- message: {count} {trigger fires|triggers fire} also for replicated rows
-- why: Triggers are made after the rows, with the state that they have.
-- manual: sql-altertable

-- on the source
select format('%s.%I', t.tgrelid::regclass, t.tgname) as object
from pg_trigger t
where not t.tgisinternal
  and t.tgenabled in ('A', 'R')
order by 1
