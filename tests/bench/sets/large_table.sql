-- A database of one large table with six indexes, one of them its key; a second, small one refers to it.
select greatest(100, (2000000 * :scale * :times)::int) as n \gset
create table large (
    id bigint not null, at timestamptz not null, customer integer not null, price numeric(12, 2) not null,
    note text, attributes jsonb, key uuid not null);
insert into large
select i, timestamptz '2020-01-01 00:00+00' + i * interval '31.000001 seconds', i * 7919 % 100003, (i * 7919 % 10000000) / 100.0,
       case when i % 4 > 0 then repeat(md5(i::text) || ' ', 1 + (i % 5)::int) end,
       case when i % 3 = 0 then jsonb_build_object('n', i, 'language', (array['en', 'de', 'fr'])[1 + i % 3]) end, md5('key ' || i)::uuid
from generate_series(1::bigint, :n) as i;
alter table large add primary key (id);
create index on large (customer, at);
create index on large (key);
create index on large (at);
create index on large (price);
create index on large (note);
create table remarks (large bigint primary key references large, remark text not null);
insert into remarks select i, 'remark ' || i from generate_series(1, 100) as i;
