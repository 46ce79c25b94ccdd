-- What the role may do: its attributes, and memberships that stand in for them. Since 9.5.
select
    role.rolsuper as superuser,
    role.rolcreatedb as create_db,
    role.rolcreaterole as create_role,
    role.rolreplication as replication,
    role.rolbypassrls as bypass_rls,
    has_database_privilege(current_database(), 'CREATE') as create_here,
    coalesce((
        select array_agg(r.rolname::text order by r.rolname)
        from pg_roles r
        where r.rolname in (
            'pg_read_all_data', 'pg_monitor', 'pg_signal_backend', 'rds_superuser',
            'azure_pg_admin', 'cloudsqlsuperuser', 'alloydbsuperuser', 'neon_superuser'
        )
          and not role.rolsuper
          and pg_has_role(r.oid, 'MEMBER')
    ), '{}') as member_of
from pg_roles role
where role.rolname = current_user
