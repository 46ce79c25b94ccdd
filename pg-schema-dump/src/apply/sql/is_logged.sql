-- Whether a statement that succeeds would stand in the server's log. Since 9.1.
select current_setting('log_statement') <> 'none'
    or current_setting('log_min_duration_statement') <> '-1' as is_logged
