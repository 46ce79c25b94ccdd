-- One table of a few numbers a row, many rows: what a row costs by itself.
select greatest(100, (2000000 * :scale)::int) as n \gset
create table narrow (id integer not null, branch integer not null, balance bigint not null, rating real);
insert into narrow
select i, i % 1000, i * 7919 % 1000000007, i / 3.0::real from generate_series(1::bigint, :n) as i;
