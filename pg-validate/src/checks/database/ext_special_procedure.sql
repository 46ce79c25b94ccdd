-- ext.special_procedure: no extension wants a way of its own
--
-- level: database
-- severity: warning
-- message: {count} {extension wants|extensions want} more than a dump
-- why: Their tables are not ordinary ones, or their metadata are of one server.
-- manual: https://docs.timescale.com/migrate/latest/

-- on the source
select quote_ident(e.extname) as object, w.way as detail
from pg_extension e
join (
    values
        ('timescaledb', 'timescaledb_pre_restore() before, timescaledb_post_restore() after; the same version on both sides'),
        ('citus', 'create_distributed_table() on the target before the rows'),
        ('pg_partman', '4 to 5 needs its own steps; stop run_maintenance()'),
        ('postgis_topology', 'set topology_id_seq again'),
        ('postgis_tiger_geocoder', 'load its data again'),
        ('pg_cron', 'lives in one database; jobs are rows of cron.job'),
        ('pglogical', 'nodes must not be copied: create them again'),
        ('bdr', 'nodes must not be copied: create them again'),
        ('anon', 'its security labels need its library on the target'),
        ('pg_tle', 'extensions that were made with it come first'),
        ('age', 'graphs are schemas of their own; set search_path')
) as w (name, way) on w.name = e.extname
order by e.extname
