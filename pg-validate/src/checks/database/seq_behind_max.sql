-- seq.behind_max: no sequence is behind its column
--
-- level: database
-- looks: deep
-- severity: warning
-- message: {count} {sequence is|sequences are} behind the largest number of {its|their} column
-- why: The next row is refused as a duplicate, on the source as well: it only shows after the
--     migration.
-- manual: functions-sequence

-- on the source
select
    format('%s.%I', d.refobjid::regclass, a.attname) as object,
    format(
        'select format(''largest %%s, next %%s'', m.largest, s.last_value) from (select max(%I)::numeric as largest from %s) m, %s s where m.largest > s.last_value or m.largest = s.last_value and not s.is_called',
        a.attname, d.refobjid::regclass, d.objid::regclass
    ) as probe,
    format(
        'select setval(%L, (select max(%I) from %s));', d.objid::regclass, a.attname, d.refobjid::regclass
    ) as fix
from pg_depend d
join pg_class s on s.oid = d.objid and s.relkind = 'S'
join pg_sequence q on q.seqrelid = d.objid
join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
join pg_class c on c.oid = d.refobjid
join pg_namespace n on n.oid = c.relnamespace
where d.deptype in ('a', 'i')
  and d.classid = 'pg_class'::regclass
  and d.refclassid = 'pg_class'::regclass
  and a.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
  and c.relkind in ('r', 'p')
  -- One that counts down is ahead of what is larger.
  and q.seqincrement > 0
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
order by 1
