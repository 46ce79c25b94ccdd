-- Tables with triggers of the user's that fire, or to which foreign keys of other tables refer.
-- A trigger that fires always, or for replicas only, cannot be kept quiet. Since 9.5.
select *
from (
    select
        n.nspname::text as schema,
        c.relname::text as name,
        exists (
            select from pg_trigger t
            where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled <> 'D'
        ) as is_triggered,
        exists (
            select from pg_trigger t
            where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled in ('A', 'R')
        ) as is_loud,
        exists (
            select from pg_constraint k
            where k.confrelid = c.oid and k.contype = 'f'
        ) as is_referred_to
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname !~ '^pg_'
) found
where is_triggered or is_referred_to
