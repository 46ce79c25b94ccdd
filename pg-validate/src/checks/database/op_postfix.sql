-- op.postfix: no operator stands after its operand
--
-- level: database
-- applies: target >= 14
-- severity: failed
-- message: {count} {operator stands|operators stand} after {its|their} operand, which the target
--     does not know
-- why: PostgreSQL 14 took postfix operators away; CREATE OPERATOR is refused. Call the function
--     instead.
-- explains: postfix operators are not supported
-- explains: operator right argument type must be specified
-- manual: sql-createoperator

-- on the source before 14
select
    o.oid::regoperator::text as object,
    format('drop operator %I.%s (%s, none);', n.nspname, o.oprname, format_type(o.oprleft, null)) as fix
from pg_operator o
join pg_namespace n on n.oid = o.oprnamespace
where o.oprright = 0
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e'
  )
order by 1
