-- ext.in_system_schema: no extension stands in a system schema
--
-- level: database
-- severity: failed when target azure
-- severity: info
-- message: {count} {extension stands|extensions stand} in a system schema
-- why: Azure refuses to create objects there. Create it again in a schema of its own.
-- azure: 603407
-- manual: sql-alterextension

-- on the source
select quote_ident(e.extname) as object, n.nspname as detail
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
where n.nspname in ('pg_catalog', 'information_schema')
  and e.extname not in (
      'plpgsql', 'plperl', 'plperlu', 'plpython3u', 'plpythonu', 'plpython2u', 'pltcl', 'pltclu',
      'pg_cron', 'adminpack', 'pg_tle', 'google_columnar_engine', 'azure', 'pgaadauth', 'azure_ai',
      'pg_failover_slots'
  )
order by e.extname
