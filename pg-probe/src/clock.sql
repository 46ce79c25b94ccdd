-- The server's clock, in seconds since 1970. Since 9.5.
select extract(epoch from clock_timestamp())::double precision as seconds
