-- Takes the rows. Since 9.5.
copy pg_temp.pgmig_throughput from stdin
