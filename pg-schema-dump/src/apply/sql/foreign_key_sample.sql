-- The query that finds keys without a match for a foreign key: $1 is the schema of its table, $2
-- what pg_dump tags it with, table and constraint. None for keys with PERIOD. Since 9.5.
select format(
    'select distinct %s as key from %s%s as fk where %s and not exists (select from %s%s as pk where %s) limit 5',
    quote_literal('(' || k.names || ')=(') || ' || ' || k.shown || ' || '')''',
    case when r.relkind = 'p' then '' else 'only ' end,
    c.conrelid::regclass,
    case when c.confmatchtype = 'f' then 'not (' || k.all_null || ')' else k.none_null end,
    case when p.relkind = 'p' then '' else 'only ' end,
    c.confrelid::regclass,
    k.equal
) as sql
from pg_constraint c
join pg_class r on r.oid = c.conrelid
join pg_namespace n on n.oid = r.relnamespace
join pg_class p on p.oid = c.confrelid
cross join lateral (
    select
        string_agg(quote_ident(f.attname), ', ' order by u.place) as names,
        string_agg(format('coalesce(fk.%I::text, ''null'')', f.attname), ' || '', '' || ' order by u.place) as shown,
        string_agg(format('fk.%I is not null', f.attname), ' and ' order by u.place) as none_null,
        string_agg(format('fk.%I is null', f.attname), ' and ' order by u.place) as all_null,
        string_agg(
            format('pk.%I operator(%I.%s) fk.%I', a.attname, s.nspname, o.oprname, f.attname),
            ' and ' order by u.place
        ) as equal
    from unnest(c.conkey, c.confkey, c.conpfeqop) with ordinality as u (fk, pk, op, place)
    join pg_attribute f on f.attrelid = c.conrelid and f.attnum = u.fk
    join pg_attribute a on a.attrelid = c.confrelid and a.attnum = u.pk
    join pg_operator o on o.oid = u.op
    join pg_namespace s on s.oid = o.oprnamespace
) k
where c.contype = 'f'
  and n.nspname = $1
  and r.relname || ' ' || c.conname = $2
  and coalesce(to_jsonb(c) ->> 'conperiod', 'false') <> 'true'
