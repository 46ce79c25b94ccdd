-- What orders the values of some columns: two servers on which this is the same text sort
-- them alike. Null where that is not known.
-- $1: OID of the relation, $2: names of columns. Since 10.
with recursive base (column_number, type, name, coll) as (
    select a.attnum, a.atttypid, a.attname::text, a.attcollation
    from pg_attribute a
    where a.attrelid = $1::oid and a.attname = any ($2::text[]) and not a.attisdropped
    union all
    select base.column_number, t.typbasetype, base.name, base.coll
    from base
    join pg_type t on t.oid = base.type
    where t.typtype = 'd'
),
default_collation as (
    select
        coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') as provider,
        coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', d.datcollate::text) as locale,
        to_jsonb(d) ->> 'datcollversion' as version
    from pg_database d
    where d.datname = current_database()
),
collations as (
    select
        c.oid,
        case when c.collname = 'default' then d.provider else to_jsonb(c) ->> 'collprovider' end as provider,
        case
            when c.collname = 'default' then d.locale
            else coalesce(
                to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', to_jsonb(c) ->> 'collcollate'
            )
        end as locale,
        case when c.collname = 'default' then d.version else to_jsonb(c) ->> 'collversion' end as version,
        coalesce(to_jsonb(c) ->> 'collisdeterministic', 'true') = 'true' as deterministic
    from pg_collation c
    cross join default_collation d
)
select
    base.name,
    case
        when t.oid >= 10000 then null
        when t.typname in (
            'bool', 'int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric', 'date', 'time',
            'timestamp', 'timestamptz', 'uuid', 'bytea', 'inet', 'cidr', 'macaddr', 'macaddr8', 'char'
        ) then t.typname::text
        when t.typname not in ('text', 'varchar', 'bpchar') or not k.deterministic then null
        when k.locale in ('C', 'POSIX') then t.typname || ' bytes ' || getdatabaseencoding()
        when k.version is not null
        then concat_ws(' ', t.typname, k.provider, k.locale, k.version, getdatabaseencoding())
        when k.provider = 'c' and k.locale ~* '^C\.'
        then concat_ws(' ', t.typname, lower(k.locale), getdatabaseencoding())
    end as ordering
from base
join pg_type t on t.oid = base.type and t.typtype <> 'd'
left join collations k on k.oid = base.coll
