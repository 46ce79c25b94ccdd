-- Rows of very unequal width, half of them with one key, and a heap that is sparse at its end.
select greatest(100, (1500000 * :scale)::int) as n \gset
create table clicks (session text not null, url text not null, at timestamp not null, referrer varchar(4000));
alter table clicks set (autovacuum_enabled = off);
insert into clicks
select case when i % 2 = 0 then 'bot' else 'session-' || md5((i * i % 50000)::text) end, 'https://example.test/' || i * 7919 % 20000,
       timestamp '2024-01-01' + i * interval '17 seconds',
       case when i % 200 = 0 then repeat(md5(i::text), 100) when i % 3 = 0 then 'https://other.test/' || i % 500 end
from generate_series(1::bigint, :n) as i;
delete from clicks where at > timestamp '2024-01-01' + :n * 0.8 * interval '17 seconds' and session = 'bot';
