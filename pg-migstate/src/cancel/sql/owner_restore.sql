-- Statements that give schemas back to whom they belonged before.
select format('alter schema %I owner to %I', n.nspname, b.value) as statement
from pgmig.before b
join pg_namespace n on n.oid = b.object
where b.property = 'owner' and pg_get_userbyid(n.nspowner) <> b.value
