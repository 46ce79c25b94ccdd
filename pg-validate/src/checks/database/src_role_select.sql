-- src.role_select: the source role may read every table and sequence
--
-- level: database
-- severity: failed
-- message: {source_user} may not read {count} {relation|relations}
-- why: COPY is refused, and a sequence that cannot be read cannot be set.
-- azure: 603110
-- manual: sql-grant

-- on the source
select
    c.oid::regclass::text as object,
    concat_ws(
        ' ',
        case when not has_schema_privilege(n.oid, 'USAGE')
            then format('grant usage on schema %I to %I;', n.nspname, current_user)
        end,
        format(
            'grant select on %s%s to %I;',
            case c.relkind when 'S' then 'sequence ' else '' end, c.oid::regclass, current_user
        )
    ) as fix
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm', 'S')
  and c.relpersistence in ('p', 'u')
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and (
      not has_schema_privilege(n.oid, 'USAGE')
      -- CASE keeps the functions from relations of the wrong kind.
      or not case
          when c.relkind = 'S' then has_sequence_privilege(c.oid, 'SELECT')
          when c.relkind in ('r', 'p', 'm') then has_table_privilege(c.oid, 'SELECT')
          else true
      end
  )
  and (
      exists (select from pg_extension e where c.oid = any (e.extconfig))
      or not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
  )
order by n.nspname, c.relname
