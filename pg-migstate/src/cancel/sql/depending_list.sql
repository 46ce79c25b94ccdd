-- What would go with an object ($1 catalog, $2 object, both oid) if its dependents were dropped,
-- too: itself, they, and what these are parts of, to any depth. Since 9.5.
with recursive down (classid, object) as (
    select $1::oid, $2::oid
    union
    select x.classid, x.object
    from down
    cross join lateral (
        select d.classid, d.objid
        from pg_depend d
        where d.refclassid = down.classid and d.refobjid = down.object
        union all
        select d.refclassid, d.refobjid
        from pg_depend d
        where d.classid = down.classid and d.objid = down.object and d.deptype in ('a', 'i')
    ) x (classid, object)
)
select down.classid, down.object from down
