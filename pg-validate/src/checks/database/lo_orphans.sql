-- lo.orphans: large objects that nothing points to
--
-- level: database
-- looks: deep
-- severity: info
-- message: no column points to some large objects
-- why: They are copied all the same; vacuumlo removes them beforehand.
-- manual: vacuumlo

-- on the source
select
    'large objects' as object,
    format(
        'select format(''%%s of %%s'', count(*) filter (where u.oid is null), count(*)) from pg_largeobject_metadata m left join (%s) u (oid) on u.oid = m.oid having count(*) filter (where u.oid is null) > 0',
        coalesce(
            string_agg(format('select %I from only %s', a.attname, c.oid::regclass), ' union '),
            'select null::oid'
        )
    ) as probe
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0
  and not a.attisdropped
  and c.relkind = 'r'
  and format_type(a.atttypid, null) in ('oid', 'lo')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
