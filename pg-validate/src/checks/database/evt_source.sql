-- evt.source: event triggers can be made again
--
-- level: database
-- severity: failed when not superuser
-- severity: info
-- message: {count} event {trigger is|triggers are} for superusers to make
-- why: CREATE EVENT TRIGGER is refused to others. They are made last, so that they do not notice
--     the migration.
-- explains: permission denied to create event trigger
-- manual: event-triggers

-- on the source
select quote_ident(t.evtname) as object, t.evtevent as detail
from pg_event_trigger t
where not exists (
      select from pg_depend d
      where d.classid = 'pg_event_trigger'::regclass and d.objid = t.oid and d.deptype = 'e'
  )
order by 1
