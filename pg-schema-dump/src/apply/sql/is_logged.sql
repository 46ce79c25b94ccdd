-- Whether a statement that succeeds would stand in the server's log, samples included (12 and
-- 13 and up). Since 9.6.
select current_setting('log_statement') <> 'none'
    or current_setting('log_min_duration_statement') <> '-1'
    or coalesce(current_setting('log_min_duration_sample', true), '-1') <> '-1'
    or coalesce(current_setting('log_transaction_sample_rate', true), '0') <> '0' as is_logged
