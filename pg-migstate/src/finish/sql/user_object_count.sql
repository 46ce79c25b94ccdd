-- How much there is in this database that a user made: relations, functions, large objects;
-- members of extensions do not count. Since 9.5.
with user_schema as (
    select n.oid
    from pg_namespace n
    where n.nspname <> 'information_schema'
      and n.nspname !~ '^pg_'
),
extension_member as (
    select d.classid, d.objid
    from pg_depend d
    where d.deptype = 'e'
)
select
    (
        select count(*)
        from pg_class c
        where c.relnamespace in (select oid from user_schema)
          and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
          and ('pg_class'::regclass::oid, c.oid) not in (select classid, objid from extension_member)
    )
    + (
        select count(*)
        from pg_proc p
        where p.pronamespace in (select oid from user_schema)
          and ('pg_proc'::regclass::oid, p.oid) not in (select classid, objid from extension_member)
    )
    + (select count(*) from pg_largeobject_metadata)
    as objects
