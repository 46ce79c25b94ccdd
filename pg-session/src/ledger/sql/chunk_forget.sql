-- Takes chunks out of the plan that are not done, of tables of which nothing is done.
delete from pgmig.chunk c
where done_at is null
  and not exists (
      select from pgmig.chunk d
      where (d.schema_name, d.table_name) = (c.schema_name, c.table_name)
        and d.done_at is not null
  )
