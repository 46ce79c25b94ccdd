-- db.deep_bytes: text of an unknown encoding is UTF-8
--
-- level: database
-- looks: deep
-- severity: warning
-- message: {count} {column|columns} {holds|hold} bytes that are not UTF-8
-- why: In a database that is SQL_ASCII nothing has checked them; a server that does refuses the
--     row.
-- manual: multibyte

-- on the source
select
    format('%s.%I', c.oid::regclass, a.attname) as object,
    format(
        'select null where (select count(convert_from(textsend(concat(%I)), ''UTF8'')) from only %s) < 0',
        a.attname, c.oid::regclass
    ) as probe
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
where a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'm')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  and c.relkind = 'r'
  -- Whatever has text in it that nothing else has checked.
  and (
      t.typcategory = 'S'
      or t.typname in ('json', 'jsonb', 'xml', 'hstore')
      or exists (select from pg_type e where e.oid = t.typelem and t.typcategory = 'A' and e.typcategory = 'S')
  )
  and current_setting('server_encoding') = 'SQL_ASCII'
order by n.nspname, c.relname, a.attnum
