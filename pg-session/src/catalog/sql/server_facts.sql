-- What all checks may need to know of a server and of our role there. Columns that came
-- later are read through jsonb or pg_settings, so that one text serves all versions. Since 9.5.
-- read_only is the server's own setting: that of the session is pinned.
select
    current_user::text as user_name,
    current_database()::text as database,
    role.rolsuper or role.rolcreatedb as create_db,
    role.rolsuper or role.rolcreaterole as create_role,
    has_database_privilege(current_database(), 'CREATE') as create_here,
    coalesce((
        select s.reset_val = 'on' from pg_settings s where s.name = 'default_transaction_read_only'
    ), false) as read_only,
    pg_postmaster_start_time()::text as started,
    current_setting('max_connections')::bigint as max_connections,
    least(
        current_setting('max_connections')::bigint
            - case when role.rolsuper then 0 else reserved.slots end
            - used.clients,
        case when role.rolconnlimit >= 0 and not role.rolsuper then role.rolconnlimit - used.by_role end,
        case when d.datconnlimit >= 0 and not role.rolsuper then d.datconnlimit - used.in_database end
    ) as free_connections
from pg_roles role
join pg_database d on d.datname = current_database()
cross join (
    select sum(s.setting::bigint)::bigint as slots
    from pg_settings s
    where s.name in ('superuser_reserved_connections', 'reserved_connections')
) reserved
cross join lateral (
    select
        count(*) as clients,
        count(*) filter (where a.usesysid = role.oid) as by_role,
        count(*) filter (where a.datid = d.oid) as in_database
    from pg_stat_activity a
    -- Without the right to see it the kind is null; then a database tells a client.
    where coalesce(
        to_jsonb(a) ->> 'backend_type', case when a.datid is not null then 'client backend' end
    ) = 'client backend'
) used
where role.rolname = current_user
