-- tbl.reloptions: storage parameters that the target may not know
--
-- level: database
-- severity: info
-- message: {count} storage {parameter|parameters} that the target may refuse or that stay behind
--     by mistake
-- why: A parameter that an extension or a relative of PostgreSQL knows is refused elsewhere.
--     Tables whose autovacuum was turned off for a while are often forgotten.
-- explains: unrecognized parameter
-- manual: sql-createtable

-- on the source
select
    c.oid::regclass::text as object,
    o.entry as detail,
    case when o.entry !~* '^autovacuum_enabled=' then 'warning' end as severity,
    case when c.relkind = 'r' then format('alter table %s reset (%s);', c.oid::regclass, split_part(o.entry, '=', 1)) end as fix
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral unnest(c.reloptions) o (entry)
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and (
      o.entry ~* '^autovacuum_enabled=(false|off|0|no|f)$'
      or o.entry !~* '^(fillfactor|parallel_workers|toast_tuple_target|user_catalog_table|vacuum_|autovacuum_|log_autovacuum|toast\.|security_|check_option|fastupdate|gin_pending_list_limit|buffering|deduplicate_items|pages_per_range|autosummarize|oids)'
  )
order by n.nspname, c.relname, 2
