-- ver.source_eol: the source's major version is still maintained
--
-- level: instance
-- severity: warning
-- message: PostgreSQL's community has stopped mending the version of the source
-- why: A version past its end gets no fixes, neither of security nor of what a dump reads; ten
--     minutes of downtime more may be better spent before than after.
-- manual: https://www.postgresql.org/support/versioning/

-- on the source
select 'PostgreSQL ' || current_setting('server_version') as object, 'since ' || e.ended as detail
from (
    values (90000, date '2021-11-11'), (100000, '2022-11-10'), (110000, '2023-11-09'),
        (120000, '2024-11-21'), (130000, '2025-11-13'), (140000, '2026-11-12'),
        (150000, '2027-11-11'), (160000, '2028-11-09'), (170000, '2029-11-08'),
        (180000, '2030-11-14')
) as e (version, ended)
where current_setting('server_version_num')::integer / 10000 = e.version / 10000
  and e.ended <= current_date
