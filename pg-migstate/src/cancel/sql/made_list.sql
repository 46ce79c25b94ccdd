-- What stands in this database by itself, the latest first: how it is dropped, and whether the
-- ledger lists it. Known by what pg_dump calls it; where more are called so than the ledger has
-- made (operators go by their name alone), none is taken for ours. Since 11.
with
found (classid, oid, kind, schema, name) as (
    select
        'pg_class'::regclass::oid,
        c.oid,
        case c.relkind
            when 'S' then 'SEQUENCE'
            when 'v' then 'VIEW'
            when 'm' then 'MATERIALIZED VIEW'
            when 'f' then 'FOREIGN TABLE'
            else 'TABLE'
        end,
        n.nspname::text,
        c.relname::text
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and c.relpersistence <> 't'
    union all
    select
        'pg_proc'::regclass::oid,
        p.oid,
        case p.prokind when 'a' then 'AGGREGATE' when 'p' then 'PROCEDURE' else 'FUNCTION' end,
        n.nspname::text,
        format('%s(%s)', p.proname, coalesce(
            (
                select string_agg(format_type(a.type, null), ', ' order by a.place)
                from unnest(p.proargtypes::oid[]) with ordinality a (type, place)
            ),
            case p.prokind when 'a' then '*' else '' end
        ))
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    union all
    select
        'pg_type'::regclass::oid,
        t.oid,
        case when t.typtype = 'd' then 'DOMAIN' when t.typisdefined then 'TYPE' else 'SHELL TYPE' end,
        n.nspname::text,
        t.typname::text
    from pg_type t
    join pg_namespace n on n.oid = t.typnamespace
    -- Those of tables are no types by themselves, and the row of pg_class is a part of the type.
    where t.typtype in ('b', 'd', 'e', 'p', 'r')
       or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c')
    union all
    select 'pg_namespace'::regclass::oid, n.oid, 'SCHEMA', '', n.nspname::text
    from pg_namespace n
    where n.nspname <> 'pgmig'
    union all
    select 'pg_extension'::regclass::oid, e.oid, 'EXTENSION', '', e.extname::text
    from pg_extension e
    union all
    select 'pg_language'::regclass::oid, l.oid, 'PROCEDURAL LANGUAGE', '', l.lanname::text
    from pg_language l
    union all
    select
        'pg_cast'::regclass::oid, c.oid, 'CAST', '',
        format('CAST (%s AS %s)', format_type(c.castsource, null), format_type(c.casttarget, null))
    from pg_cast c
    union all
    select
        'pg_transform'::regclass::oid, t.oid, 'TRANSFORM', '',
        format('TRANSFORM FOR %s LANGUAGE %s', format_type(t.trftype, null), l.lanname)
    from pg_transform t
    join pg_language l on l.oid = t.trflang
    union all
    select 'pg_operator'::regclass::oid, o.oid, 'OPERATOR', n.nspname::text, o.oprname::text
    from pg_operator o
    join pg_namespace n on n.oid = o.oprnamespace
    union all
    select 'pg_opclass'::regclass::oid, o.oid, 'OPERATOR CLASS', n.nspname::text, o.opcname::text
    from pg_opclass o
    join pg_namespace n on n.oid = o.opcnamespace
    union all
    select 'pg_opfamily'::regclass::oid, o.oid, 'OPERATOR FAMILY', n.nspname::text, o.opfname::text
    from pg_opfamily o
    join pg_namespace n on n.oid = o.opfnamespace
    union all
    select 'pg_collation'::regclass::oid, c.oid, 'COLLATION', n.nspname::text, c.collname::text
    from pg_collation c
    join pg_namespace n on n.oid = c.collnamespace
    union all
    select 'pg_conversion'::regclass::oid, c.oid, 'CONVERSION', n.nspname::text, c.conname::text
    from pg_conversion c
    join pg_namespace n on n.oid = c.connamespace
    union all
    select 'pg_ts_config'::regclass::oid, c.oid, 'TEXT SEARCH CONFIGURATION', n.nspname::text, c.cfgname::text
    from pg_ts_config c
    join pg_namespace n on n.oid = c.cfgnamespace
    union all
    select 'pg_ts_dict'::regclass::oid, d.oid, 'TEXT SEARCH DICTIONARY', n.nspname::text, d.dictname::text
    from pg_ts_dict d
    join pg_namespace n on n.oid = d.dictnamespace
    union all
    select 'pg_ts_parser'::regclass::oid, p.oid, 'TEXT SEARCH PARSER', n.nspname::text, p.prsname::text
    from pg_ts_parser p
    join pg_namespace n on n.oid = p.prsnamespace
    union all
    select 'pg_ts_template'::regclass::oid, t.oid, 'TEXT SEARCH TEMPLATE', n.nspname::text, t.tmplname::text
    from pg_ts_template t
    join pg_namespace n on n.oid = t.tmplnamespace
    union all
    select 'pg_am'::regclass::oid, a.oid, 'ACCESS METHOD', '', a.amname::text from pg_am a
    union all
    select 'pg_foreign_data_wrapper'::regclass::oid, w.oid, 'FOREIGN DATA WRAPPER', '', w.fdwname::text
    from pg_foreign_data_wrapper w
    union all
    select 'pg_foreign_server'::regclass::oid, s.oid, 'SERVER', '', s.srvname::text
    from pg_foreign_server s
    union all
    select
        'pg_user_mapping'::regclass::oid, m.umid, 'USER MAPPING', '',
        format('USER MAPPING %s SERVER %s', m.usename, m.srvname)
    from pg_user_mappings m
    union all
    select 'pg_publication'::regclass::oid, p.oid, 'PUBLICATION', '', p.pubname::text
    from pg_publication p
    union all
    select 'pg_subscription'::regclass::oid, s.oid, 'SUBSCRIPTION', '', s.subname::text
    from pg_subscription s
    where s.subdbid = (select d.oid from pg_database d where d.datname = current_database())
    union all
    select 'pg_event_trigger'::regclass::oid, t.oid, 'EVENT TRIGGER', '', t.evtname::text
    from pg_event_trigger t
),
listed (kind, schema, name, times) as (
    select
        a.kind,
        case when a.kind in ('CAST', 'TRANSFORM', 'USER MAPPING') then '' else a.schema_name end,
        a.name,
        count(distinct a.sql_sha256)
    from pgmig.applied a
    group by 1, 2, 3
    union all
    -- A family that has the name of its class may have come with it.
    select 'OPERATOR FAMILY', a.schema_name, a.name, 1
    from pgmig.applied a
    where a.kind = 'OPERATOR CLASS'
      and not exists (
          select from pgmig.applied b
          where b.kind = 'OPERATOR FAMILY' and b.schema_name = a.schema_name and b.name = a.name
      )
    group by 2, 3
),
standing as (
    select f.*, count(*) over (partition by f.kind, f.schema, f.name) as times
    from found f
    where f.oid >= 16384
      and f.schema <> 'pgmig'
      -- Members of extensions, and what is a part of something else.
      and not exists (
          select from pg_depend d
          where d.classid = f.classid and d.objid = f.oid and d.objsubid = 0 and d.deptype in ('e', 'i')
      )
      and not (f.kind = 'TYPE' and f.classid = 'pg_type'::regclass and exists (
          select from pg_type t where t.typarray = f.oid
      ))
      and not exists (
          select from pgmig.before b
          where b.property in ('owner', 'extension') and b.catalog::regclass = f.classid and b.object = f.oid
      )
)
select
    s.classid,
    s.oid as object,
    i.type || ' ' || i.identity as shown,
    case
        -- Its slot is of the publisher, whom nothing was asked for.
        when s.kind = 'SUBSCRIPTION' then format(
            'alter subscription %1$I disable; alter subscription %1$I set (slot_name = none); '
            || 'drop subscription if exists %1$I', s.name
        )
        when s.kind = 'USER MAPPING' then (
            select format(
                'drop user mapping if exists for %s server %I',
                case when m.umuser = 0 then 'public' else quote_ident(m.usename) end, m.srvname
            )
            from pg_user_mappings m
            where m.umid = s.oid
        )
        when s.classid = 'pg_proc'::regclass then 'drop routine if exists ' || i.identity
        else 'drop ' || replace(i.type, '-', ' ') || ' if exists ' || i.identity
    end as statement,
    coalesce(l.times >= s.times, false) as is_listed,
    -- A partition goes silently with its table: one of somebody else's keeps it.
    exists (
        select from pg_inherits p
        join pg_class c on c.oid = p.inhrelid
        where p.inhparent = s.oid and s.classid = 'pg_class'::regclass and c.relispartition
    ) as has_partitions
from standing s
left join listed l on l.kind = s.kind and l.schema = s.schema and l.name = s.name
cross join lateral pg_identify_object(s.classid, s.oid, 0) i
where i.identity is not null
order by s.oid desc
