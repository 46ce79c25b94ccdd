-- guc.behaviour_diff: both servers behave alike
--
-- level: instance
-- severity: warning
-- message: {count} {setting that changes|settings that change} what applications see
--     {differs|differ} on the target
-- why: Server parameters are not part of a database and are not carried over; these change how
--     values look or what SQL means.
-- manual: runtime-config

-- on the source
select s.name as object, s.name || '=' || s.reset_val as key
from pg_settings s
where s.name in (
    'TimeZone', 'DateStyle', 'IntervalStyle', 'lc_monetary', 'lc_numeric', 'lc_time',
    'standard_conforming_strings', 'bytea_output', 'xmloption', 'xmlbinary', 'array_nulls',
    'backslash_quote', 'transform_null_equals', 'default_transaction_isolation',
    'default_text_search_config', 'search_path', 'lo_compat_privileges', 'password_encryption',
    'block_size', 'max_identifier_length', 'max_index_keys', 'max_function_args',
    'integer_datetimes', 'default_table_access_method'
)
  -- What is set for the database or for our role is no parameter of the server.
  and not exists (
      select
      from pg_db_role_setting o
      cross join lateral unnest(o.setconfig) c (entry)
      where lower(split_part(c.entry, '=', 1)) = lower(s.name)
        and o.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
        and o.setrole in (0, (select r.oid from pg_roles r where r.rolname = current_user))
  )
order by s.name

-- on the target
select
    k.key,
    format('%s on the source, %s here', k.value, s.reset_val) as detail,
    case
        when s.name in ('block_size', 'max_identifier_length', 'max_index_keys', 'max_function_args')
            and s.reset_val::bigint < k.value::bigint then 'failed'
    end as severity,
    case
        when s.context <> 'internal'
            -- A list is not one literal.
            then format(
                'alter database %I set %I = %s;', $2, s.name,
                case when s.name = 'search_path' then k.value else quote_literal(k.value) end
            )
    end as fix
from (
    select t.key, split_part(t.key, '=', 1) as name, substr(t.key, strpos(t.key, '=') + 1) as value
    from unnest($1::text[]) t (key)
) k
join pg_settings s on s.name = k.name
where s.reset_val is distinct from k.value
  and not exists (
      select
      from pg_db_role_setting o
      cross join lateral unnest(o.setconfig) c (entry)
      where lower(split_part(c.entry, '=', 1)) = lower(s.name)
        and o.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
        and o.setrole in (0, (select r.oid from pg_roles r where r.rolname = current_user))
  )
