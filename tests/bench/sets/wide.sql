-- Forty columns, and documents that go to the TOAST table: some compress, some do not.
select greatest(10, (16000 * :scale)::int) as n \gset
select 'create table wide (id bigint not null, ' || string_agg('c' || i || ' ' || (array['text', 'integer', 'numeric', 'date', 'boolean'])[1 + i % 5], ', ')
       || ', body text, raw bytea)' from generate_series(1, 40) as i \gexec
select 'insert into wide select i, ' || string_agg((array['''value '' || i', 'i', 'i / 7.0', 'date ''2020-01-01'' + (i % 1000)::int', 'i % 2 = 0'])[1 + c % 5], ', ')
       || ', case when i % 3 > 0 then repeat(''some words of document '' || i || '' '', 600) end,
             case when i % 3 < 2 then (select decode(string_agg(md5(i || ''/'' || k), ''''), ''hex'') from generate_series(1, 800) as k) end
           from generate_series(1::bigint, ' || :n || ') as i' from generate_series(1, 40) as c \gexec
