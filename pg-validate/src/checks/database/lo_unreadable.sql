-- lo.unreadable: the source role may read every large object
--
-- level: database
-- severity: failed
-- message: {source_user} may not read {count} large {object|objects}
-- why: pg_read_all_data does not include large objects.
-- manual: lo-implementation

-- on the source
select
    m.oid::text as object,
    format('of %s', pg_get_userbyid(m.lomowner)) as detail,
    format('grant select on large object %s to %I;', m.oid, current_user) as fix
from pg_largeobject_metadata m
where current_setting('lo_compat_privileges') = 'off'
  and not (select r.rolsuper from pg_roles r where r.rolname = current_user)
  and not pg_has_role(m.lomowner, 'USAGE')
  and not exists (
      select
      from aclexplode(m.lomacl) a
      where a.privilege_type = 'SELECT'
        and case when a.grantee = 0 then true else pg_has_role(a.grantee, 'USAGE') end
  )
order by m.oid
