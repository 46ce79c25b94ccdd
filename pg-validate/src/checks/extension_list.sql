-- Extensions of the database, without plpgsql, which every server has. Since 9.5.
select e.extname::text as name, e.extversion as version
from pg_extension e
where e.extname <> 'plpgsql'
order by e.extname
