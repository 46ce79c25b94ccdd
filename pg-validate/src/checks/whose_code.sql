-- The end of checks that would run expressions of the source, which `code` has with their node trees
-- and the owners of their tables: whoever has written one could do with our rights what he likes. It
-- is run when nothing but immutable functions of superusers and ours are in it, or where a superuser
-- or we have written it, any of them. Of nodes that are not listed nothing is known.
select
    code.object,
    case
        when not exists (
            select from regexp_matches(code.tree, '\{([A-Z_]+)', 'g') node (label)
            where not author.trusted
              and node.label[1] <> all (array[
                  'VAR', 'CONST', 'OPEXPR', 'FUNCEXPR', 'BOOLEXPR', 'DISTINCTEXPR', 'NULLIFEXPR', 'SCALARARRAYOPEXPR',
                  'NULLTEST', 'BOOLEANTEST', 'RELABELTYPE', 'COERCEVIAIO', 'ARRAYCOERCEEXPR', 'SQLVALUEFUNCTION',
                  'CASETESTEXPR', 'CASE', 'CASEEXPR', 'WHEN', 'CASEWHEN', 'ARRAY', 'ARRAYEXPR', 'COALESCE',
                  'COALESCEEXPR', 'MINMAX', 'MINMAXEXPR'
              ])
        ) and not exists (
            select
            from regexp_matches(code.tree, ':(funcid|opno|elemfuncid) ([1-9]\d*)', 'g') call (words)
            left join pg_operator o on call.words[1] = 'opno' and o.oid = call.words[2]::oid
            left join pg_proc f on f.oid = coalesce(o.oprcode::oid, call.words[2]::oid)
            left join pg_roles r on r.oid = f.proowner and (r.rolsuper or r.rolname = current_user)
            where r.oid is null or f.provolatile <> 'i' and not author.trusted
        ) then code.probe
    end as probe
from code
join pg_roles owner on owner.oid = code.owner
cross join lateral (select owner.rolsuper or owner.rolname = current_user) author (trusted)
order by code.object
