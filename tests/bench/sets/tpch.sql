-- The eight tables of TPC-H with keys, foreign keys and the indexes that people add: some 550 MB with them at scale 1.
-- The text is not TPC's, but of its width; deterministic, and so without random().
select greatest(10, (3000 * :scale)::int) as suppliers, greatest(50, (60000 * :scale)::int) as parts,
       greatest(50, (45000 * :scale)::int) as customers, greatest(100, (450000 * :scale)::int) as orders \gset
create function words(i bigint, n int) returns text language sql immutable as $$
    select string_agg((array['carefully', 'final', 'deposits', 'sleep', 'quickly', 'above', 'the', 'ironic', 'requests', 'haggle', 'furiously'])[1 + (i * 31 + k * k * 17) % 11], ' ')
    from generate_series(1, n) as k $$;

create table region (r_regionkey integer primary key, r_name char(25) not null, r_comment varchar(152));
insert into region select i, (array['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'])[i + 1], words(i, 9) from generate_series(0, 4) as i;
create table nation (n_nationkey integer primary key, n_name char(25) not null, n_regionkey integer not null references region, n_comment varchar(152));
insert into nation select i, 'NATION ' || i, i % 5, words(i, 9) from generate_series(0, 24) as i;
create table supplier (
    s_suppkey integer primary key, s_name char(25) not null, s_address varchar(40) not null, s_nationkey integer not null references nation,
    s_phone char(15) not null, s_acctbal numeric(15, 2) not null, s_comment varchar(101) not null);
insert into supplier
select i, 'Supplier#' || lpad(i::text, 9, '0'), left(md5(i::text), 25), i % 25, '25-989-741-' || lpad((i % 10000)::text, 4, '0'), i * 7919 % 1000000 / 100.0, words(i, 8)
from generate_series(1, :suppliers) as i;
create table part (
    p_partkey integer primary key, p_name varchar(55) not null, p_mfgr char(25) not null, p_brand char(10) not null, p_type varchar(25) not null,
    p_size integer not null, p_container char(10) not null, p_retailprice numeric(15, 2) not null, p_comment varchar(23) not null);
insert into part
select i, left(words(i, 6), 55), 'Manufacturer#' || i % 5, 'Brand#' || i % 55, 'PROMO BURNISHED ' || (array['COPPER', 'TIN', 'STEEL'])[1 + i % 3], 1 + i % 50,
       'JUMBO ' || (array['PKG', 'BOX', 'CAN'])[1 + i % 3], 900 + i % 100000 / 100.0, left(words(i, 3), 23)
from generate_series(1, :parts) as i;
create table partsupp (
    ps_partkey integer not null, ps_suppkey integer not null, ps_availqty integer not null, ps_supplycost numeric(15, 2) not null, ps_comment varchar(199) not null);
insert into partsupp
select i, 1 + (i + k * (:suppliers / 4 + 1)) % :suppliers, (i * 7919 + k) % 10000, i * 7919 % 100000 / 100.0, left(words(i + k, 18), 199)
from generate_series(1::bigint, :parts) as i, generate_series(0, 3) as k;
create table customer (
    c_custkey integer primary key, c_name varchar(25) not null, c_address varchar(40) not null, c_nationkey integer not null references nation,
    c_phone char(15) not null, c_acctbal numeric(15, 2) not null, c_mktsegment char(10) not null, c_comment varchar(117) not null);
insert into customer
select i, 'Customer#' || lpad(i::text, 9, '0'), left(md5(i::text), 28), i % 25, '25-989-741-' || lpad((i % 10000)::text, 4, '0'), i * 7919 % 1000000 / 100.0,
       (array['BUILDING', 'AUTOMOBILE', 'MACHINERY'])[1 + i % 3], left(words(i, 11), 117)
from generate_series(1, :customers) as i;
create table orders (
    o_orderkey bigint primary key, o_custkey integer not null, o_orderstatus char(1) not null, o_totalprice numeric(15, 2) not null, o_orderdate date not null,
    o_orderpriority char(15) not null, o_clerk char(15) not null, o_shippriority integer not null, o_comment varchar(79) not null);
insert into orders
select i, 1 + i * 7919 % :customers, (array['O', 'F', 'P'])[1 + i % 3], i * 7919 % 50000000 / 100.0, date '1992-01-01' + (i * 31 % 2400)::int,
       i % 5 || '-PRIORITY', 'Clerk#' || lpad((i % 1000)::text, 9, '0'), 0, left(words(i, 7), 79)
from generate_series(1::bigint, :orders) as i;
create table lineitem (
    l_orderkey bigint not null, l_partkey integer not null, l_suppkey integer not null, l_linenumber integer not null, l_quantity numeric(15, 2) not null,
    l_extendedprice numeric(15, 2) not null, l_discount numeric(15, 2) not null, l_tax numeric(15, 2) not null, l_returnflag char(1) not null,
    l_linestatus char(1) not null, l_shipdate date not null, l_commitdate date not null, l_receiptdate date not null, l_shipinstruct char(25) not null,
    l_shipmode char(10) not null, l_comment varchar(44) not null);
insert into lineitem
select o, ps.p, 1 + (ps.p + k % 4 * (:suppliers / 4 + 1)) % :suppliers, k, 1 + (o + k) % 50, (o + k) * 7919 % 10000000 / 100.0, (o + k) % 11 / 100.0, (o + k) % 9 / 100.0,
       (array['N', 'R', 'A'])[1 + (o + k) % 3], (array['O', 'F'])[1 + o % 2], date '1992-01-03' + ((o * 31 + k) % 2400)::int, date '1992-01-20' + ((o * 31 + k) % 2400)::int,
       date '1992-02-03' + ((o * 31 + k) % 2400)::int, 'DELIVER IN PERSON', (array['TRUCK', 'AIR', 'MAIL', 'SHIP'])[1 + (o + k) % 4], substr('carefully final deposits sleep quickly above', 1, 10 + ((o + k) % 34)::int)
from generate_series(1::bigint, :orders) as o, generate_series(1, 1 + (o % 7)::int) as k, lateral (select 1 + ((o * 5 + k) * 7919 % :parts)::int as p) as ps;
drop function words(bigint, int);

alter table partsupp add primary key (ps_partkey, ps_suppkey);
alter table lineitem add primary key (l_orderkey, l_linenumber);
alter table partsupp add foreign key (ps_partkey) references part, add foreign key (ps_suppkey) references supplier;
alter table orders add foreign key (o_custkey) references customer;
alter table lineitem add foreign key (l_orderkey) references orders, add foreign key (l_partkey, l_suppkey) references partsupp;
create index on supplier (s_nationkey);
create index on customer (c_nationkey);
create index on partsupp (ps_suppkey);
create index on orders (o_custkey);
create index on orders (o_orderdate);
create index on lineitem (l_partkey, l_suppkey);
create index on lineitem (l_shipdate);
