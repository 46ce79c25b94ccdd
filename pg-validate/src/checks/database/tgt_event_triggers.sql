-- tgt.event_triggers: no event trigger of the target takes part
--
-- level: database
-- applies: by hand
-- severity: warning
-- message: {count} event {trigger|triggers} of the target database {fires|fire} while objects are
--     made
-- why: It runs for every statement of the schema, and may refuse it.
-- manual: event-triggers

-- on the target
select
    quote_ident(t.evtname) as object,
    t.evtevent as detail,
    format('alter event trigger %I disable;', t.evtname) as fix
from pg_event_trigger t
where t.evtenabled <> 'D'
  and not exists (
      select from pg_depend d
      where d.classid = 'pg_event_trigger'::regclass and d.objid = t.oid and d.deptype = 'e'
  )
order by t.evtname
