-- Five thousand tables of one row.
select greatest(10, (5000 * :scale)::int) as n \gset
select set_config('bench.n', :'n', false) \g /dev/null
-- A transaction each thousand tables: locks are counted.
create procedure make() language plpgsql as $$
begin
    for i in 1 .. current_setting('bench.n')::int loop
        execute format('create table small_%s (id integer primary key, name text not null, at timestamptz)', i);
        execute format('insert into small_%s values (%s, %L, now())', i, i, 'the only row of ' || i);
        if i % 1000 = 0 then commit; end if;
    end loop;
end $$;
call make();
drop procedure make();
