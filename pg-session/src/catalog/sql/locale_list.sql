-- Locales of the server's system that a database of this encoding can have, those of the language of $1 first.
select c.collcollate as name
from pg_catalog.pg_collation c
where c.collprovider = 'c'
  and c.collencoding in (-1, pg_catalog.pg_char_to_encoding($2))
  and c.collcollate <> ''
group by c.collcollate
order by lower(left(c.collcollate, 2)) <> lower(left($1, 2)), c.collcollate
limit 10
