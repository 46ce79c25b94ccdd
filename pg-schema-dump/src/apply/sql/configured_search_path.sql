-- The search_path that a role ($1) has in this database when it logs in: as set for it here, for
-- the database, for it everywhere, or by the server. Since 9.0.
select coalesce(
    (
        select substr(c.setting, length('search_path=') + 1)
        from pg_db_role_setting s
        cross join unnest(s.setconfig) as c (setting)
        where c.setting like 'search\_path=%'
          and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
          and (s.setrole = 0 or s.setrole = (select oid from pg_roles where rolname = $1))
        order by s.setdatabase <> 0 and s.setrole <> 0 desc, s.setdatabase <> 0 desc
        limit 1
    ),
    (select reset_val from pg_settings where name = 'search_path')
) as search_path
