-- Ten accounts all over the table, by another way than the source has them: six changed, two missing, two too many.
update pgbench_accounts set abalance = abalance + 1 where aid in (select i * (:n / 11) from generate_series(1, 6) as i);
delete from pgbench_accounts where aid in (select i * (:n / 11) from generate_series(7, 8) as i);
insert into pgbench_accounts select :n + i * (:n / 11), 1, 0, '' from generate_series(9, 10) as i;
