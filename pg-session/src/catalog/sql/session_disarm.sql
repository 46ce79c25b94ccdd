-- Takes the transaction timeout away, where the server has one. Since 9.6.
select pg_catalog.set_config('transaction_timeout', '0', false)
where pg_catalog.current_setting('transaction_timeout', true) is not null
