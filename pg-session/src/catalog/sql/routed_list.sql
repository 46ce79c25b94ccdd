-- Leaf partitions that another server may find other rows for, each with the topmost table from
-- which on that is so: partitioned by a hash of what hashes differently there. Enums and reg* hash
-- their OIDs, some servers a NaN by its sign, a nondeterministic collation what its library makes
-- of a text; and of expressions, other types and other operator classes nothing is known. Since 10.
with recursive tree (root, relation, depth) as (
    select p.partrelid, p.partrelid, 0
    from pg_partitioned_table p
    where p.partstrat = 'h'
      and exists (
          select from unnest(p.partattrs::smallint[], p.partclass::oid[], p.partcollation::oid[])
              as k (attnum, opclass, collation_oid)
          join pg_opclass oc on oc.oid = k.opclass
          left join pg_attribute a on a.attrelid = p.partrelid and a.attnum = k.attnum
          left join pg_type t on t.oid = a.atttypid
          left join pg_collation co on co.oid = k.collation_oid
          where k.attnum = 0
             -- From 10000 on OIDs are given out by initdb and differ between versions.
             or t.oid >= 10000
             or t.typname ~ '^_?(reg|float)'
             or oc.opcnamespace <> 'pg_catalog'::regnamespace
             or to_jsonb(co) ->> 'collisdeterministic' = 'false'
      )
    union all
    select tree.root, i.inhrelid, tree.depth + 1
    from tree
    join pg_inherits i on i.inhparent = tree.relation
)
select distinct on (tree.relation)
    ln.nspname::text as leaf_schema, l.relname::text as leaf_name,
    rn.nspname::text as root_schema, r.relname::text as root_name
from tree
join pg_class l on l.oid = tree.relation
join pg_namespace ln on ln.oid = l.relnamespace
join pg_class r on r.oid = tree.root
join pg_namespace rn on rn.oid = r.relnamespace
where l.relkind <> 'p'
order by tree.relation, tree.depth desc
