-- con.deep_fk_orphans: no foreign key points nowhere
--
-- level: database
-- looks: deep
-- severity: failed
-- message: {count} foreign {key is|keys are} broken by rows that point nowhere
-- why: ALTER TABLE ... ADD FOREIGN KEY is refused after the whole copy; the key stays NOT VALID
--     there.
-- explains: violates foreign key constraint
-- manual: ddl-constraints

-- on the source
select
    format('%s.%I', k.conrelid::regclass, k.conname) as object,
    -- The owner of a type says how it becomes another one.
    case when not bool_or(a.atttypid <> b.atttypid and a.atttypid >= 16384) then format(
        'select format(''%%s rows'', count(*)) from %s f where %s and not exists (select from %s p where %s) having count(*) > 0',
        case c.relkind when 'p' then '' else 'only ' end || k.conrelid::regclass,
        -- With MATCH FULL a row that is partly NULL points nowhere, too.
        '(' || string_agg(
            format('f.%I is not null', a.attname), case k.confmatchtype when 'f' then ' or ' else ' and ' end order by x.place
        ) || ')',
        case r.relkind when 'p' then '' else 'only ' end || k.confrelid::regclass,
        string_agg(
            format('p.%I operator(%s.%s) f.%I', b.attname, o.oprnamespace::regnamespace, o.oprname, a.attname),
            ' and ' order by x.place
        )
    ) end as probe
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_class r on r.oid = k.confrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral unnest(k.conkey, k.confkey, k.conpfeqop) with ordinality x (own, other, operator, place)
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.own
join pg_attribute b on b.attrelid = k.confrelid and b.attnum = x.other
join pg_operator o on o.oid = x.operator
where k.contype = 'f'
  and k.convalidated
  -- A temporal key does not compare its last column for equality.
  and coalesce(to_jsonb(k) ->> 'conperiod', 'false') = 'false'
  and coalesce((to_jsonb(k) ->> 'conparentid')::oid, 0) = 0
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
group by k.oid, k.conrelid, k.conname, k.confrelid, c.relkind, r.relkind
order by 1
