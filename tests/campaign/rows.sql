-- Rows beside the fixture's every kind of object: a table that is copied in parts, one of wide values,
-- many small ones with keys between them, large objects. Deterministic, some 20 MB.
create schema bulk;
create table bulk.large (id integer primary key, kind integer not null, note text, at timestamptz not null);
insert into bulk.large
select n, n % 97, case when n % 11 > 0 then repeat(md5(n::text), 1 + n % 4) end, timestamptz '2024-01-01 00:00+00' + n * interval '1 second'
from generate_series(1, 90000) as n;
create index on bulk.large (kind, id);
create index on bulk.large (note) where kind < 50;
create table bulk.wide (id integer primary key, body text, raw bytea);
alter table bulk.wide alter column raw set storage external;
insert into bulk.wide
select n, (select string_agg(md5((n * 1000 + m)::text), '') from generate_series(1, 300) as m), decode(repeat(md5(n::text), 400), 'hex')
from generate_series(1, 300) as n;
create unique index on bulk.wide (md5(body));
do $$ begin
    for n in 1 .. 40 loop
        execute format('create table bulk.small_%s (id integer primary key, up integer %s)',
            n, case when n > 1 then format('references bulk.small_%s', n - 1) end);
        execute format('insert into bulk.small_%s select i, i from generate_series(1, %s) as i', n, 50 - n);
    end loop;
end $$;
select lo_from_bytea(n, decode(repeat(md5(n::text), n % 400), 'hex')) from generate_series(90001, 90060) as n;
