-- coll.user: the target can make the collations
--
-- level: database
-- severity: failed
-- message: the target lacks the locale of {count} {collation|collations}
-- why: CREATE COLLATION is refused.
-- explains: could not create locale
-- explains: ICU is not supported
-- azure: 603403
-- manual: sql-createcollation

-- on the source from 10
select
    format('%I.%I', n.nspname, l.collname) as object,
    l.locale as detail,
    concat(l.collprovider, ':', l.locale) as key
from (
    select
        c.oid, c.collname, c.collnamespace, c.collprovider,
        coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', c.collcollate) as locale
    from pg_collation c
) l
join pg_namespace n on n.oid = l.collnamespace
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_collation'::regclass and d.objid = l.oid and d.deptype = 'e'
  )
order by 1

-- on the target from 10
select k.key
from unnest($1::text[]) k (key)
where case
    when k.key ~ '^i' then not exists (select from pg_collation c where c.collprovider = 'i')
    when k.key ~ '^b' then not exists (select from pg_collation c where c.collprovider = 'b')
    else substr(k.key, 3) not in ('C', 'POSIX')
        and not exists (
            select
            from pg_collation c
            where c.collprovider = 'c'
              and regexp_replace(lower(c.collcollate), '[^a-z0-9]', '', 'g')
                  = regexp_replace(lower(substr(k.key, 3)), '[^a-z0-9]', '', 'g')
        )
end
