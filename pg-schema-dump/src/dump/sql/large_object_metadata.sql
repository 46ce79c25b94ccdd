-- The statements that give each large object its comment, owner and grants. Since 9.5.
select
    m.oid,
    case when obj_description(m.oid, 'pg_largeobject') is null then ''
         else format(E'COMMENT ON LARGE OBJECT %s IS %L;\n', m.oid, obj_description(m.oid, 'pg_largeobject'))
    end
    || format(E'ALTER LARGE OBJECT %s OWNER TO %I;\n', m.oid, pg_get_userbyid(m.lomowner))
    || coalesce((
        select string_agg(
            format(
                E'GRANT %s ON LARGE OBJECT %s TO %s%s;\n',
                acl.privilege_type,
                m.oid,
                case when acl.grantee = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(acl.grantee)) end,
                case when acl.is_grantable then ' WITH GRANT OPTION' else '' end
            ),
            '' order by acl.grantee, acl.privilege_type
        )
        from aclexplode(m.lomacl) acl
        where acl.grantee <> m.lomowner
    ), '') as sql
from pg_largeobject_metadata m
order by m.oid
