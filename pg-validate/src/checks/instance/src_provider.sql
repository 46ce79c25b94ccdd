-- src.provider: the source is PostgreSQL and no relative of it
--
-- level: instance
-- severity: failed
-- message: the source speaks the protocol, but is not PostgreSQL
-- why: Its catalogs and its COPY differ from those of PostgreSQL, so that neither pg_dump nor
--     these tools read it rightly.

-- on the source
select version() as object
where version() ~* '(greenplum|redshift|yugabyte|cockroach|opengauss|gaussdb)'
