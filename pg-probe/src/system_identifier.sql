-- The identifier of the cluster; some providers do not tell it. Since 9.6.
select system_identifier::text from pg_control_system()
