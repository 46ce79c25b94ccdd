-- src.checksum_failures: the source has seen no broken page
--
-- level: instance
-- severity: failed
-- message: {count} {database|databases} of the source {has|have} broken pages
-- why: A page that fails its checksum cannot be read: COPY ends there. With
--     ignore_checksum_failure it would bring what is left of the rows.
-- manual: checksums

-- on the source from 12
select
    coalesce(quote_ident(s.datname), 'shared catalogs') as object,
    format('%s failures', s.checksum_failures) as detail
from pg_stat_database s
where s.checksum_failures > 0
order by s.datname
