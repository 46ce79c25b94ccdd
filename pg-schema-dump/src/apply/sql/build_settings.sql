-- What the server gives to the building of an index. Since 11.
select
    pg_size_bytes(current_setting('maintenance_work_mem')) / 1024 as maintenance_work_mem_kb,
    current_setting('max_parallel_maintenance_workers')::bigint as workers,
    least(
        current_setting('max_parallel_workers')::bigint,
        current_setting('max_worker_processes')::bigint
    ) as worker_slots
