-- src.in_recovery: the source is no standby
--
-- level: instance
-- severity: failed when source < 10
-- severity: warning
-- message: the source is a standby
-- why: Long reads on a standby are cancelled by what it replays unless hot_standby_feedback or
--     max_standby_streaming_delay give them time; unlogged tables cannot be read there; its rows may
--     be behind.
-- manual: hot-standby

-- on the source
select
    'standby' as object,
    'behind by ' || coalesce((now() - pg_last_xact_replay_timestamp())::text, 'an unknown time') as detail
where pg_is_in_recovery()
