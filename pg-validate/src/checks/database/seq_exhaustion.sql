-- seq.exhaustion: no sequence is near its end
--
-- level: database
-- severity: warning
-- message: {count} {sequence has|sequences have} used more than four fifths of {its|their} numbers
-- why: Plan for it before the new server takes over.
-- manual: sql-altersequence

-- on the source from 10
select
    format('%I.%I', s.schemaname, s.sequencename) as object,
    format('%s of %s', s.last_value, s.max_value) as detail
from pg_sequences s
where s.increment_by > 0
  and s.last_value > s.max_value * 0.8
order by 1
