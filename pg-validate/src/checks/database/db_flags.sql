-- db.flags: the source database is an ordinary one
--
-- level: database
-- severity: warning
-- message: the source database is marked as a template
-- why: Whoever creates databases from it meets our sessions; the mark is not carried over.
-- manual: manage-ag-templatedbs

-- on the source
select quote_ident(d.datname) as object, format('alter database %I is_template false;', d.datname) as fix
from pg_database d
where d.datname = current_database() and d.datistemplate
