-- The accounts of pgbench, as pgbench makes them: ten million at scale 1.
select greatest(1000, (10000000 * :scale)::int) as n \gset
create table pgbench_accounts (aid integer not null, bid integer, abalance integer, filler char(84)) with (fillfactor = 100);
insert into pgbench_accounts select i, (i - 1) / 100000 + 1, 0, '' from generate_series(1, :n) as i;
alter table pgbench_accounts add primary key (aid);
