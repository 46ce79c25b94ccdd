-- idx.deep_amcheck: amcheck, where the source has it, finds unique indexes in order
--
-- level: database
-- looks: deep
-- severity: warning
-- message: {count} unique {index is|indexes are} out of order
-- why: What it is asked for may not be found in it, and a value may be there twice. The index is made
--     anew on the target; queries of the source may have gone wrong for long.
-- manual: amcheck

-- on the source
select
    c.oid::regclass::text as object,
    format('select null where (select %I.bt_index_check(%L::regclass))::text <> ''''', a.nspname, c.oid::regclass) as probe,
    format('reindex index %s;', c.oid::regclass) as fix
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_am m on m.oid = c.relam
join pg_extension e on e.extname = 'amcheck'
join pg_namespace a on a.oid = e.extnamespace
where i.indisunique
  and i.indisvalid
  and m.amname = 'btree'
  and c.relkind = 'i'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by n.nspname, c.relname
