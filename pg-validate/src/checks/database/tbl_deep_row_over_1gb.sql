-- tbl.deep_row_over_1gb: no row is too large for COPY
--
-- level: database
-- looks: deep
-- severity: failed
-- message: {count} {table has|tables have} rows that are too large for COPY
-- why: COPY builds a whole row in a buffer of less than 1 GB and ends with "invalid memory alloc
--     request size".
-- manual: limits

-- on the source
select
    c.oid::regclass::text as object,
    format(
        'select format(''%%s rows over 1 GB'', count(*)) from only %s t where %s > 1073741000 having count(*) > 0',
        c.oid::regclass,
        string_agg(
            format(
                'coalesce(%s, 0)',
                case
                    when t.typname = 'bytea' then format('2 * octet_length(t.%I)::bigint', a.attname)
                    -- No cast: the owner of a type may have made one of his own.
                    else format('octet_length(concat(t.%I))::bigint', a.attname)
                end
            ),
            ' + ' order by a.attnum
        )
    ) as probe
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_class o on o.oid = c.reltoastrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
where a.attnum > 0
  and not a.attisdropped
  and a.attlen = -1
  and c.relkind = 'r'
  and o.relpages * current_setting('block_size')::bigint > 67108864
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
group by c.oid, n.nspname, c.relname
order by n.nspname, c.relname
