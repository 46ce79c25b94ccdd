-- Twenty thousand large objects, some 160 MB: most of a few kB, one in a hundred of half a megabyte, and a table that names them.
select greatest(100, (20000 * :scale)::int) as n \gset
create table documents (id integer primary key, title text not null, content oid not null);
insert into documents
select i, 'document ' || i, lo_from_bytea(0, decode(repeat(md5(i::text), case when i % 100 = 0 then 32768 else 16 + i % 400 end), 'hex'))
from generate_series(1, :n) as i;
