-- stats.extended: extended statistics
--
-- level: database
-- severity: info
-- message: {count} statistics {object is|objects are} filled again by ANALYZE
-- why: Their definition is carried over; what they know is computed on the target.
-- manual: sql-createstatistics

-- on the source from 10
select format('%s.%I', s.stxnamespace::regnamespace, s.stxname) as object, format('on %s', s.stxrelid::regclass) as detail
from pg_statistic_ext s
order by 1
