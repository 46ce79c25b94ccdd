-- Where the target puts the rows: a temporary table makes no WAL. Since 9.5.
create temporary table pgmig_throughput (row_number bigint, letters text) on commit drop
