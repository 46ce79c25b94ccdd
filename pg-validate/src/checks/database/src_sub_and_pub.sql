-- src.sub_and_pub: publications and subscriptions can be made again
--
-- level: database
-- severity: warning
-- message: {count} {publication or subscription needs|publications or subscriptions need}
--     attention
-- why: A source that subscribes goes on receiving rows while it is copied. Subscriptions arrive
--     without the password of their connection and disabled. Publications of all tables or of schemas
--     are for superusers.
-- explains: must be superuser to create FOR ALL TABLES publication
-- explains: must be superuser to create FOR TABLES IN SCHEMA publication
-- explains: must be superuser to add or set schemas
-- manual: logical-replication

-- on the source before 15
select
    format('publication %I', p.pubname) as object,
    'of all tables' as detail,
    'all tables' as key
from pg_publication p
where p.puballtables
union all
select
    format('subscription %I', s.subname),
    case when s.subenabled then 'enabled: rows still arrive' else 'disabled' end,
    'subscription'
from pg_subscription s
where s.subdbid = (select d.oid from pg_database d where d.datname = current_database())
order by 1

-- on the source from 15
select
    format('publication %I', p.pubname) as object,
    'of all tables' as detail,
    'all tables' as key
from pg_publication p
where p.puballtables
union all
select format('publication %I', p.pubname), 'of whole schemas', 'all tables'
from pg_publication p
where exists (select from pg_publication_namespace s where s.pnpubid = p.oid)
union all
select
    format('subscription %I', s.subname),
    case when s.subenabled then 'enabled: rows still arrive' else 'disabled' end,
    'subscription'
from pg_subscription s
where s.subdbid = (select d.oid from pg_database d where d.datname = current_database())
order by 1

-- on the target
select k.key, case when k.key = 'all tables' then 'failed' end as severity
from unnest($1::text[]) k (key)
where k.key = 'subscription'
   or not (select r.rolsuper from pg_roles r where r.rolname = current_user)
