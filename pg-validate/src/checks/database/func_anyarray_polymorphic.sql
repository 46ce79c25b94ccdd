-- func.anyarray_polymorphic: no aggregate or operator is made of a function whose arguments have
--     changed
--
-- level: database
-- applies: target >= 14
-- severity: failed
-- message: {count} {aggregate or operator is|aggregates or operators are} made of a function that
--     takes other types on the target
-- why: PostgreSQL 14 gave array_append and its like the argument types anycompatible and
--     anycompatiblearray. Aggregates and operators name the old ones.
-- explains: function array_append(anyarray, anyelement) does not exist
-- explains: anyarray, anyelement) does not exist
-- explains: anyelement, anyarray) does not exist
-- explains: anyarray, anyarray) does not exist
-- manual: extend-type-system

-- on the source before 14
select format('aggregate %s', a.aggfnoid::regprocedure) as object, f.oid::regprocedure::text as detail
from pg_aggregate a
join pg_proc p on p.oid = a.aggfnoid
join pg_namespace n on n.oid = p.pronamespace
join pg_proc f on f.oid in (a.aggtransfn, a.aggfinalfn)
where f.pronamespace = 'pg_catalog'::regnamespace
  and f.proname in ('array_append', 'array_cat', 'array_prepend', 'array_remove', 'array_replace', 'array_position',
      'array_positions', 'width_bucket')
  and n.nspname !~ '^pg_'
union all
select format('operator %s', o.oid::regoperator), f.oid::regprocedure::text
from pg_operator o
join pg_namespace n on n.oid = o.oprnamespace
join pg_proc f on f.oid = o.oprcode
where f.pronamespace = 'pg_catalog'::regnamespace
  and f.proname in ('array_append', 'array_cat', 'array_prepend', 'array_remove', 'array_replace', 'array_position',
      'array_positions', 'width_bucket')
  and n.nspname !~ '^pg_'
order by 1
