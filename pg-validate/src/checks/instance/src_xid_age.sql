-- src.xid_age: no database of the source is near wraparound
--
-- level: instance
-- severity: warning
-- message: {count} {database|databases} of the source {is|are} a thousand million transactions
--     behind in freezing
-- why: A long snapshot holds freezing back further, up to where the server takes no more
--     transactions.
-- manual: routine-vacuuming

-- on the source
select
    quote_ident(d.datname) as object,
    format('age %s', age(d.datfrozenxid)) as detail,
    'vacuum (freeze); -- in that database' as fix
from pg_database d
where age(d.datfrozenxid) > 1000000000
order by d.datname
