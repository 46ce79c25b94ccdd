-- Whether a database ($1) exists and lets sessions in. Since 9.5.
select d.datallowconn as allows_connections
from pg_database d
where d.datname = $1
