-- Which of some catalog objects need another one that is not among them, and that initdb has not
-- made. $1: catalogs, $2: OIDs in them: parallel lists. An object's parts count as it: the rule
-- of a view, defaults, row and array types, identity sequences, members of an extension. Since 9.5.
with recursive
given (class, object) as (
    select * from unnest($1::oid[], $2::oid[])
),
part (class, object, of_class, of_object) as (
    select class, object, class, object from given
    union
    select d.classid, d.objid, part.of_class, part.of_object
    from part
    join pg_depend d on d.refclassid = part.class and d.refobjid = part.object
    where d.deptype <> 'n'
      and not exists (select from given g where g.class = d.classid and g.object = d.objid)
      -- A sequence or a partition can be left out by itself.
      and not (
          d.deptype = 'a'
          and d.classid = 'pg_class'::regclass
          and exists (
              select from pg_class c where c.oid = d.objid and c.relkind in ('S', 'r', 'p', 'f')
          )
      )
)
select distinct part.of_class as class, part.of_object as object
from part
join pg_depend d on d.classid = part.class and d.objid = part.object
where d.refobjid >= 16384
  and not exists (
      select from part other where other.class = d.refclassid and other.object = d.refobjid
  )
