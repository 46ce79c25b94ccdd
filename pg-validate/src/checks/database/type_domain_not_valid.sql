-- type.domain_not_valid: every CHECK of a domain holds
--
-- level: database
-- severity: warning
-- message: {count} CHECK {constraint|constraints} of domains {is|are} NOT VALID
-- why: Values may break it, and are refused when they arrive.
-- manual: sql-alterdomain

-- on the source
select
    format('%s.%I', k.contypid::regtype, k.conname) as object,
    format('alter domain %s validate constraint %I;', k.contypid::regtype, k.conname) as fix
from pg_constraint k
where k.contypid <> 0 and not k.convalidated
order by 1
