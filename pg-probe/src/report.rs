//! The tables for people.

use pg_pipe::report::{Column, Form, Table};

use crate::verdict;

/// Characters of a message in a table.
const MESSAGE: usize = 64;

/// Characters of a fact in a table.
const FACT: usize = 34;

/// All tables, in the order in which they are shown.
pub(crate) const TABLES: &[Table] = &[
    Table {
        kind: "probe",
        columns: STEPS,
    },
    Table {
        kind: "endpoint",
        columns: FACTS,
    },
    Table {
        kind: "database",
        columns: DATABASES,
    },
    Table {
        kind: "throughput",
        columns: THROUGHPUT,
    },
    Table {
        kind: "probe",
        columns: &[Column::lines(verdict::lines)],
    },
];

const STEPS: &[Column] = &[
    Column::new("role", "Side"),
    Column::new("step", "Step"),
    Column::new("ok", "OK").shown_as(Form::Words("ok", "FAILED")),
    Column::new("milliseconds", "ms").shown_as(Form::Decimals(1)),
    Column::new("message", "Message")
        .shown_as(Form::Wrapped(MESSAGE))
        .with_below(&[
            ("class: ", "class"),
            ("SQLSTATE: ", "sqlstate"),
            ("hint: ", "hint"),
        ]),
];

const FACTS: &[Column] = &[
    Column::new("role", "Fact").shown_as(Form::Across),
    fact("address", "Address"),
    fact("region", "Region"),
    fact("version", "Version"),
    fact("platform", "Platform"),
    fact("platform_version", "Platform version"),
    fact("source_type", "Source type for Azure"),
    fact("database", "Database"),
    fact("encoding", "Encoding"),
    fact("user", "User"),
    truth("superuser", "Superuser"),
    truth("create_db", "May create databases"),
    truth("create_role", "May create roles"),
    truth("create_here", "May create schemas here"),
    truth("replication", "May replicate"),
    truth("bypass_rls", "Bypasses row security"),
    fact("member_of", "Member of"),
    truth("in_recovery", "Standby"),
    truth("read_only", "Read-only"),
    Column::new("tls", "TLS").or("none"),
    fact("tls_cipher", "Cipher"),
    truth("tls_verified", "Certificate verified"),
    fact("certificate_subject", "Certificate of"),
    fact("certificate_names", "Certificate for"),
    fact("certificate_issuer", "Certificate signed by"),
    fact("certificate_expires", "Certificate expires"),
    fact("auth_method", "Authentication"),
    fact("password_from", "Password from"),
    truth("pooler", "Pooler in between"),
    fact("max_connections", "Connections"),
    fact("free_connections", "Free connections"),
    milliseconds("round_trip_ms", "Round trip, median, ms"),
    milliseconds("round_trip_p99_ms", "Round trip, p99, ms"),
    milliseconds("clock_skew_ms", "Clock ahead of ours, ms"),
];

const DATABASES: &[Column] = &[
    Column::new("name", "Database"),
    Column::new("bytes", "Size").shown_as(Form::Size),
    Column::new("encoding", "Encoding"),
    Column::new("locale_provider", "Locale by"),
    Column::new("collate", "Collate"),
    Column::new("ctype", "Ctype"),
    Column::new("locale", "Locale").if_any(),
    Column::new("owner", "Owner"),
    Column::new("provider", "Provider's own")
        .shown_as(Form::YES_NO)
        .if_any(),
    Column::new("template", "Template")
        .shown_as(Form::YES_NO)
        .if_any(),
];

const THROUGHPUT: &[Column] = &[
    Column::new("path", "Rows"),
    Column::new("bytes_per_second", "Rate").shown_as(Form::Rate),
    Column::new("bytes", "Sent").shown_as(Form::Size),
    Column::new("seconds", "Seconds").shown_as(Form::Decimals(1)),
    Column::new("total_bytes", "Size of databases")
        .shown_as(Form::Size)
        .if_any(),
    Column::new("eta_seconds", "Takes about")
        .shown_as(Form::Clock)
        .if_any(),
];

const fn fact(field: &'static str, title: &'static str) -> Column {
    Column::new(field, title)
        .shown_as(Form::Wrapped(FACT))
        .if_any()
}

const fn truth(field: &'static str, title: &'static str) -> Column {
    Column::new(field, title).shown_as(Form::YES_NO).if_any()
}

const fn milliseconds(field: &'static str, title: &'static str) -> Column {
    Column::new(field, title)
        .shown_as(Form::Decimals(2))
        .if_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pg_pipe::record::Record;

    #[test]
    fn every_column_is_a_field_of_its_record() {
        let schema: serde_json::Value = serde_json::from_str(&Record::json_schema()).unwrap();
        for table in TABLES {
            let columns = table
                .columns
                .iter()
                .filter(|column| !column.title.is_empty());
            for column in columns {
                let text = schema.to_string();
                let named = format!("\"{}\":", column.field);
                assert!(text.contains(&named), "{} of {}", column.field, table.kind);
            }
        }
    }
}
