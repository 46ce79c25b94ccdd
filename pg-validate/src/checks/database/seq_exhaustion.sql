-- seq.exhaustion: no sequence is near its end
--
-- level: database
-- severity: warning
-- message: {count} {sequence has|sequences have} used more than four fifths of {its|their} numbers
-- why: Plan for it before the new server takes over. Sequences up to the end of bigint are not
--     looked at: to read one locks it.
-- manual: sql-altersequence

-- on the source from 10
select
    q.seqrelid::regclass::text as object,
    format('%s of %s', pg_sequence_last_value(q.seqrelid), q.seqmax) as detail
from pg_sequence q
join pg_class c on c.oid = q.seqrelid
where q.seqincrement > 0
  and q.seqmax < 9223372036854775807
  and c.relpersistence = 'p'
  and case
      when has_sequence_privilege(q.seqrelid, 'SELECT,USAGE')
          then pg_sequence_last_value(q.seqrelid) > q.seqmax * 0.8
  end
order by 1
