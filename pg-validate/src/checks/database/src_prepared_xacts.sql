-- src.prepared_xacts: no transaction of the source is prepared
--
-- level: database
-- severity: warning
-- message: {count} prepared {transaction|transactions} of the source {waits|wait} for {its|their}
--     end
-- why: Rows of a prepared transaction are not seen by the copy, and are lost when it is committed
--     afterwards.
-- manual: sql-prepare-transaction

-- on the source
select
    p.gid as object,
    format('of %s since %s', p.owner, p.prepared) as detail,
    -- Which of them is right only its coordinator knows, and the other one loses rows or makes some.
    format('-- commit prepared %1$L; or: rollback prepared %1$L;', p.gid) as fix
from pg_prepared_xacts p
where p.database = current_database()
order by p.gid
