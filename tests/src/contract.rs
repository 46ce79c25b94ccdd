//! The kinds of records and their fields, as the contract has them.

/// Kind, fields that must be there, fields that may be there. A field is `name:form`; a form
/// is `text`, `whole`, `number`, `truth`, `list`, `object`, or the words that the field may have, with `_` for a space.
pub(crate) const KINDS: &[(&str, &str, &str)] = &[
    ("begin", "tool:text version:text format:whole id:text", ""),
    ("end", "tool:text id:text exit:whole", ""),
    (
        "error",
        "tool:text scope:item|stream class:text message:text exit:whole",
        "sqlstate:text hint:text object:text",
    ),
    (
        "migration",
        "name:text hash:text option:Validate|Migrate|ValidateAndMigrate mode:Offline \
         source_type:text databases:list database:text staging:text overwrite:truth",
        "in_place:truth",
    ),
    (
        "endpoint",
        "role:source|target conninfo:text",
        "password_from:conninfo|environment|command|service|passfile|prompt address:text \
         region:text version:text version_num:whole platform:text platform_version:text source_type:text \
         system_identifier:text database:text user:text encoding:text superuser:truth \
         create_db:truth create_role:truth replication:truth bypass_rls:truth create_here:truth \
         member_of:list in_recovery:truth read_only:truth tls:text tls_cipher:text \
         tls_verified:truth certificate_subject:text certificate_issuer:text \
         certificate_names:list certificate_expires:text auth_method:text pooler:truth \
         max_connections:whole free_connections:whole round_trip_ms:number \
         round_trip_p99_ms:number clock_skew_ms:number",
    ),
    (
        "probe",
        "role:source|target step:resolve|tcp|tls|auth|session|privileges ok:truth \
         milliseconds:number message:text",
        "class:text sqlstate:text hint:text",
    ),
    (
        "database",
        "name:text encoding:text collate:text ctype:text locale_provider:libc|icu|builtin owner:text",
        "bytes:whole locale:text icu_rules:text comment:text provider:truth template:truth",
    ),
    (
        "throughput",
        "path:source|target|through seconds:number bytes:whole bytes_per_second:whole",
        "total_bytes:whole eta_seconds:whole",
    ),
    (
        "check",
        "id:text level:instance|database status:Succeeded|Warning|Failed|Skipped message:text",
        "database:text objects:list fix:text azure:whole",
    ),
    (
        "validation",
        "status:Succeeded|Warning|Failed succeeded:whole warning:whole failed:whole skipped:whole",
        "",
    ),
    (
        "role",
        "name:text attributes:list",
        "member_of:list settings:list comment:text",
    ),
    (
        "object",
        "id:whole kind:text name:text section:pre-data|post-data|acl|final sql:text",
        "schema:text owner:text access_method:text tablespace:text version:text depends_on:list",
    ),
    (
        "table",
        "schema:text name:text columns:list bytes:whole",
        "key:list rows_estimate:whole unlogged:truth parent:text condition:text filenode:whole",
    ),
    (
        "sequence",
        "schema:text name:text",
        "last_value:whole is_called:truth",
    ),
    ("large_objects", "count:whole", "bytes:whole checksum:text"),
    (
        "applied",
        "kind:text name:text section:pre-data|post-data|acl|final \
         status:applied|present|failed|skipped|refused|left_out milliseconds:whole",
        "id:whole schema:text sqlstate:text message:text",
    ),
    (
        "progress",
        "tool:text phase:text done:whole total:whole",
        "done_parts:whole total_parts:whole done_bytes:whole total_bytes:whole done_rows:whole bytes_per_second:whole eta_seconds:whole \
         waits_for:source|target|lock",
    ),
    (
        "chunk",
        "schema:text table:text part:whole parts:whole rows:whole bytes:whole milliseconds:whole",
        "",
    ),
    (
        "copied",
        "schema:text table:text rows:whole bytes:whole checksum:text milliseconds:whole",
        "condition:text earlier:truth",
    ),
    (
        "verified",
        "kind:table|sequence|large_objects|object schema:text name:text \
         verdict:match|mismatch|missing|extra|unverified milliseconds:whole",
        "source_rows:whole target_rows:whole source_checksum:text target_checksum:text source_method:text target_method:text message:text \
         missing:whole extra:whole changed:whole more:truth keys:list condition:text \
         bytes_per_second:whole",
    ),
    (
        "difference",
        "schema:text name:text fault:missing|extra|changed",
        "key:object columns:list source:object target:object times:whole",
    ),
    (
        "parameter",
        "name:text source:text restart:truth",
        "target:text statement:text azure:text",
    ),
    (
        "verification",
        "status:equal|different|incomplete matched:whole mismatched:whole unverified:whole rows:whole",
        "objects:whole",
    ),
    (
        "state",
        "migration:text database:text \
         state:InProgress|Canceled|Failed|Validation_Failed|Succeeded|WaitingForUserAction \
         substate:PerformingPreRequisiteSteps|Validation_in_Progress|MigratingData|\
         CompletingMigration|Completed|Failed tables:object rows:whole bytes:whole",
        "message:text bytes_per_second:whole rows_per_second:whole eta_seconds:whole",
    ),
    (
        "plan",
        "database:text staging:text overwrite:truth objects:whole tables:whole rows_estimate:whole \
         largest:list roles:list",
        "bytes:whole bytes_per_second:whole eta_seconds:whole",
    ),
    (
        "summary",
        "name:text status:text mode:Offline option:Validate|Migrate|ValidateAndMigrate \
         source_server:text source_type:text target_server:text databases:list duration:text \
         start_time:text",
        "next:text",
    ),
];

/// Every kind with the names of the fields that it must have, and of those that it may have.
pub fn kinds() -> impl Iterator<Item = (&'static str, Vec<String>, Vec<String>)> {
    let names = |list: &str| {
        let mut names: Vec<String> = list
            .split_whitespace()
            .filter_map(|field| Some(field.split_once(':')?.0.to_owned()))
            .collect();
        names.sort_unstable();
        names
    };
    KINDS
        .iter()
        .map(move |(kind, required, optional)| (*kind, names(required), names(optional)))
}
