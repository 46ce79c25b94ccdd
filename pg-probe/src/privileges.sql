-- What the role may do: its attributes, what it may create here, and the memberships that
-- stand in for attributes. Since 9.5.
select
    role.rolsuper as superuser,
    role.rolsuper or role.rolcreatedb as create_db,
    role.rolsuper or role.rolcreaterole as create_role,
    role.rolsuper or role.rolreplication as replication,
    role.rolsuper or role.rolbypassrls as bypass_rls,
    has_database_privilege(current_database(), 'CREATE') as create_here,
    coalesce((
        select array_agg(r.rolname::text order by r.rolname)
        from pg_roles r
        where r.rolname in (
            'pg_checkpoint', 'pg_create_subscription', 'pg_maintain', 'pg_monitor',
            'pg_read_all_data', 'pg_read_all_settings', 'pg_read_all_stats', 'pg_signal_backend',
            'pg_use_reserved_connections', 'pg_write_all_data',
            'alloydbsuperuser', 'azure_pg_admin', 'cloudsqlsuperuser', 'crunchy_superuser',
            'neon_superuser', 'rds_replication', 'rds_superuser'
        )
          and not role.rolsuper
          and pg_has_role(r.oid, 'MEMBER')
    ), '{}') as member_of
from pg_roles role
where role.rolname = current_user
