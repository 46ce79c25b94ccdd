-- Which of some names which of some patterns mean.
-- $1 schemas and $2 names; $3 regular expressions of schemas, null for the search path, $4 of
-- names, null for all. Since 9.5.
select pattern.number::bigint as number, candidate.schema, candidate.name
from unnest($1::text[], $2::text[]) as candidate (schema, name)
join unnest($3::text[], $4::text[]) with ordinality as pattern (schema, name, number)
    on case
        when pattern.schema is null then candidate.schema = any (current_schemas(false)::text[])
        else candidate.schema collate pg_catalog."default" ~ pattern.schema
    end
    and (pattern.name is null or candidate.name collate pg_catalog."default" ~ pattern.name)
