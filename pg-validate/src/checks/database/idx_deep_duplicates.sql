-- idx.deep_duplicates: no unique index hides duplicates
--
-- level: database
-- looks: deep
-- severity: failed
-- message: {count} unique {index has|indexes have} duplicates under {it|them}
-- why: After the system's collation has changed, an index may not find its own entries, and takes
--     a value twice. CREATE UNIQUE INDEX on the target finds them, after the copy.
-- explains: could not create unique index
-- manual: sql-reindex

-- on the source
with code (object, probe, tree, owner) as (
select
    i.indexrelid::regclass::text,
    format(
        'select format(''%%s values twice or more'', count(*)) from (select from only %s %s group by %s having count(*) > 1) d having count(*) > 0',
        i.indrelid::regclass,
        coalesce('where (' || pg_get_expr(i.indpred, i.indrelid) || ')', '')
            || case
                when to_jsonb(i) ->> 'indnullsnotdistinct' = 'true' then ''
                else case when i.indpred is null then 'where ' else ' and ' end
                    || (
                        select string_agg(
                            -- IS NOT NULL would leave out rows of composites with a NULL in them.
                            format('(%s) is distinct from null', pg_get_indexdef(i.indexrelid, k, true)), ' and '
                        )
                        from generate_series(1, coalesce((to_jsonb(i) ->> 'indnkeyatts')::integer, i.indnatts)) k
                    )
            end,
        (
            select string_agg(format('(%s)', pg_get_indexdef(i.indexrelid, k, true)), ', ')
            from generate_series(1, coalesce((to_jsonb(i) ->> 'indnkeyatts')::integer, i.indnatts)) k
        )
    ),
    concat(i.indexprs, i.indpred),
    c.relowner
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_namespace n on n.oid = c.relnamespace
where i.indisunique
  and i.indisvalid
  and c.relkind = 'i'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
)
