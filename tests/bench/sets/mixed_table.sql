-- One table of mixed types, without indexes: 0.5 GB of text at scale 1.
select greatest(100, (2000000 * :scale)::int) as n \gset
create table mixed (
    id bigint not null, at timestamptz not null, price numeric(12, 2) not null, ratio double precision,
    note text, attributes jsonb, key uuid not null);
insert into mixed
select i, timestamptz '2020-01-01 00:00+00' + i * interval '31.000001 seconds', (i * 7919 % 10000000) / 100.0, sin(i),
       case when i % 4 > 0 then repeat(md5(i::text) || ' ', 1 + (i % 5)::int) end,
       jsonb_build_object('n', i, 'language', (array['en', 'de', 'fr'])[1 + i % 3], 'flags', jsonb_build_array(i % 2 = 0, i % 7)),
       md5('key ' || i)::uuid
from generate_series(1::bigint, :n) as i;
