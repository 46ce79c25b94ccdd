-- Locale of the current database. Columns that came later are read through jsonb. Since 9.5.
select
    coalesce(to_jsonb(d) ->> 'datcollate', 'C') as collate,
    coalesce(to_jsonb(d) ->> 'datctype', 'C') as ctype,
    case to_jsonb(d) ->> 'datlocprovider'
        when 'i' then 'icu'
        when 'b' then 'builtin'
        else 'libc'
    end as provider,
    coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale,
    coalesce(to_jsonb(d) ->> 'daticurules', '') <> '' as has_icu_rules,
    exists (select from pg_collation c where to_jsonb(c) ->> 'collprovider' = 'i') as has_icu
from pg_database d
where d.datname = current_database()
