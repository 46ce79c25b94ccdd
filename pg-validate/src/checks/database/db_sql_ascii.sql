-- db.sql_ascii: the source database knows its encoding (is not SQL_ASCII)
--
-- level: database
-- severity: warning
-- message: the source database is SQL_ASCII: its text is copied byte for byte and was never
--     checked, so that it may be of any encoding or none
-- why: Applications that expect another encoding of the new server find bytes that are none.
--     --deep finds them.
-- manual: multibyte

-- on the source
select quote_ident(d.datname) as object
from pg_database d
where d.datname = current_database() and pg_encoding_to_char(d.encoding) = 'SQL_ASCII'
