-- The end of each query func.search_path_in_...: names without a schema in what `depending` calls.
, body as (
    select distinct d.object, p.oid as proc, p.prosrc as text
    from depending d
    join pg_proc p on p.oid = d.proc
    join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang
    where l.lanname not in ('c', 'internal')
      and n.nspname !~ '^pg_'
      and n.nspname <> 'information_schema'
      and not exists (select from unnest(p.proconfig) s (entry) where s.entry ~ '^search_path=')
), word (object, proc, kind, name) as (
    -- Names without a schema before them, where only a relation, a function or a type can be.
    select b.object, b.proc, 'relation', lower(m.name[1])
    from body b
    cross join lateral regexp_matches(
        b.text, '\m(?:from|join|into|update|only)\s+([a-z_]\w*)(?!\w*\s*[.(])', 'gi'
    ) m (name)
    union
    select b.object, b.proc, 'function', lower(m.name[2])
    from body b
    cross join lateral regexp_matches(b.text, '(^|[^.\w"])([a-z_]\w*)\s*\(', 'gi') m (name)
    union
    select b.object, b.proc, 'type', lower(m.name[1])
    from body b
    cross join lateral regexp_matches(b.text, '::\s*([a-z_]\w*)(?!\w*\s*\.)', 'gi') m (name)
), meant (kind, name, schema) as (
    select 'relation', c.relname, c.relnamespace
    from pg_class c
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union
    select 'function', p.proname, p.pronamespace from pg_proc p
    union
    select 'type', t.typname, t.typnamespace from pg_type t
)
select
    w.object,
    format('%s names %I without its schema', w.proc::regprocedure, w.name) as detail,
    format('alter function %s set search_path = %I, pg_temp;', w.proc::regprocedure, n.nspname) as fix
from word w
join meant m on m.kind = w.kind and m.name = w.name
join pg_namespace n on n.oid = m.schema
where n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and w.name not in (select k.word from pg_get_keywords() k where k.catcode = 'R')
order by 1, 2
