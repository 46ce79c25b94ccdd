-- guc.timeouts: timeouts that the servers set
--
-- level: instance
-- severity: info
-- message: {count} {timeout is|timeouts are} set on the servers; our sessions turn them off
-- why: A pooler or a proxy in between may have timeouts of its own, which nobody can turn off from
--     here.
-- manual: runtime-config-client

-- on each side
select s.name as object, concat(s.reset_val, s.unit) as detail
from pg_settings s
where s.name in (
    'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
    'idle_session_timeout', 'transaction_timeout'
)
  and s.reset_val <> '0'
order by s.name
