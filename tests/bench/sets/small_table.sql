-- One table of one row: what it costs to come and go.
create table small_1 (id integer primary key, name text not null, at timestamptz);
insert into small_1 values (1, 'the only row', now());
