-- Large objects of the target that the ledger has not made, after one. $1: its OID. $2: how many.
select m.oid
from pg_largeobject_metadata m
where m.oid > $1::oid
  and not exists (
      select
      from (
          select unnest(l.oids) as oid
          from pgmig.large_object l
          where l.done_at is not null or l.first_piece is not null
      ) made
      where made.oid = m.oid
  )
order by m.oid
limit $2::bigint
