//! What psql and pg-probe did with a connection string, in the same words.

use pg_e2e::Ran;
use serde_json::Value;

use super::places::Places;

/// What psql asks a server.
pub(super) const QUESTION: &str = "select current_user, current_database(), \
    coalesce((select ssl from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()), false), \
    (select reset_val from pg_catalog.pg_settings where name = 'default_transaction_read_only'), \
    current_setting('port')";

/// What one of both did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Connected(Seen),
    Failed { class: String, text: String },
}

/// A session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    pub(super) session: String,
    pub(super) tls: bool,
    pub(super) read_only: bool,
    pub(super) server: String,
}

/// What psql did.
pub(super) fn verdict_of_psql(places: &Places, ran: &Ran) -> Verdict {
    let text = ran.text();
    let columns: Vec<&str> = text.trim_end().split('|').collect();
    match columns.as_slice() {
        [user, database, tls, read_only, port] if ran.status == 0 => Verdict::Connected(Seen {
            session: format!("{user}/{database}"),
            tls: *tls == "t",
            read_only: *read_only == "on",
            server: places.server_with(port).unwrap_or(port).to_owned(),
        }),
        _ => Verdict::Failed {
            class: "psql".to_owned(),
            text: format!("{} (status {})", ran.stderr.trim(), ran.status),
        },
    }
}

/// What pg-probe did.
pub(super) fn verdict_of_ours(places: &Places, ran: &Ran) -> Verdict {
    let text = ran.text();
    let records: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let of = |kind: &'static str| records.iter().filter(move |record| record["type"] == kind);
    let word = |record: &Value, field: &str| record[field].as_str().unwrap_or_default().to_owned();
    if let (0, Some(endpoint)) = (ran.status, of("endpoint").next_back()) {
        let reached = of("probe").rfind(|probe| probe["step"] == "tcp" && probe["ok"] == true);
        let message = reached
            .map(|probe| word(probe, "message"))
            .unwrap_or_default();
        let server = message
            .split(|c: char| !c.is_ascii_digit())
            .find_map(|digits| places.server_with(digits));
        return Verdict::Connected(Seen {
            session: format!("{}/{}", word(endpoint, "user"), word(endpoint, "database")),
            tls: !endpoint["tls"].is_null(),
            read_only: endpoint["read_only"] == true,
            server: server.unwrap_or(&message).to_owned(),
        });
    }
    let failed = of("probe").rfind(|probe| probe["ok"] == false);
    let class = match (failed, ran.status) {
        (Some(probe), _) => word(probe, "class"),
        (None, 2) => "conninfo".to_owned(),
        (None, status) => format!("no failed probe record, status {status}"),
    };
    let text = format!("{} (status {})", ran.stderr.trim(), ran.status);
    Verdict::Failed { class, text }
}

/// What a failure of ours lacks for a person to act on it.
pub(super) fn unclear(ran: &Ran) -> Option<String> {
    let errors = ran.stderr.matches("pg-probe: error: ").count();
    let hints = ran.stderr.matches("hint: ").count();
    match ran.status {
        0 => None,
        2 | 4 if errors == 1 && hints > 0 => None,
        2 | 4 => Some(format!("{errors} errors and {hints} hints on stderr")),
        status => Some(format!("status {status}")),
    }
}
