-- idx.invalid: every index is valid
--
-- level: database
-- severity: warning
-- message: {count} {index is|indexes are} invalid and not dumped
-- why: What is left of CREATE INDEX CONCURRENTLY that failed, a unique one mostly because of
--     duplicates: the index is missing on the target without a word.
-- manual: sql-createindex

-- on the source
select
    c.oid::regclass::text as object,
    case when i.indisunique then 'unique: look for duplicates' end as detail,
    format('reindex index %s; -- or drop it', c.oid::regclass) as fix
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_namespace n on n.oid = c.relnamespace
where not (i.indisvalid and i.indisready)
  and c.relkind = 'i'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by n.nspname, c.relname
