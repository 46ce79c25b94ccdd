//! Connection strings as libpq takes them: `key=value` pairs or a URI.
//! Parses only; what is not given is looked up by [`crate::endpoint`].

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::error::{Class, Error};

/// Parameters that libpq knows (manual, section «Parameter Key Words») and that we honour.
const KEYWORDS: &[&str] = &[
    "service",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "require_auth",
    "channel_binding",
    "connect_timeout",
    "options",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "sslmode",
    "sslnegotiation",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslcertmode",
    "sslrootcert",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "target_session_attrs",
    "load_balance_hosts",
];

/// Parameters that libpq knows and that change nothing here: what a session is called and
/// how it is encoded is pinned, and there is no GSSAPI, compression or newer protocol to choose.
const WITHOUT_EFFECT: &[&str] = &[
    "application_name",
    "fallback_application_name",
    "client_encoding",
    "gssencmode",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "sslcompression",
    "min_protocol_version",
    "max_protocol_version",
];

/// Parameters that libpq knows and we do not honour. They promise something, so they must not
/// be ignored.
const REFUSED: &[&str] = &[
    "requirepeer",
    "replication",
    "oauth_issuer",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_scope",
    "scram_client_key",
    "scram_server_key",
    "sslkeylogfile",
];

/// Parameters with a fixed set of values.
const CHOICES: &[(&str, &[&str])] = &[
    (
        "sslmode",
        &[
            "disable",
            "allow",
            "prefer",
            "require",
            "verify-ca",
            "verify-full",
        ],
    ),
    ("sslnegotiation", &["postgres", "direct"]),
    ("sslcertmode", &["disable", "allow"]),
    ("sslsni", &["0", "1"]),
    ("channel_binding", &["disable", "prefer", "require"]),
    ("gssencmode", &["disable", "prefer"]),
    ("load_balance_hosts", &["disable", "random"]),
    (
        "target_session_attrs",
        &[
            "any",
            "read-write",
            "read-only",
            "primary",
            "standby",
            "prefer-standby",
        ],
    ),
    ("ssl_min_protocol_version", TLS_VERSIONS),
    ("ssl_max_protocol_version", TLS_VERSIONS),
    ("min_protocol_version", &["3.0", "latest"]),
    ("max_protocol_version", &["3.0", "3.2", "latest"]),
];

const TLS_VERSIONS: &[&str] = &["", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/// Parameters that are numbers.
const NUMBERS: &[&str] = &[
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
];

/// The parameters of a connection string, unresolved.
pub type Parameters = BTreeMap<String, String>;

/// Parses a connection string.
///
/// # Errors
/// When it does not parse or names a parameter that does not exist. The message never
/// repeats a value.
pub fn parse(text: &str) -> Result<Parameters, Error> {
    let rest = text
        .strip_prefix("postgresql://")
        .or_else(|| text.strip_prefix("postgres://"));
    let parameters = match rest {
        Some(rest) => parse_uri(rest)?,
        None => parse_pairs(text)?,
    };
    for key in parameters.keys() {
        check_keyword(key).map_err(|error| {
            // What follows a password with a space in it looks like a parameter.
            if parameters.contains_key("password") {
                bad("the connection string has a parameter that libpq does not have")
                    .with_hint("Put a password with spaces in it in single quotes.")
            } else {
                error
            }
        })?;
    }
    Ok(parameters)
}

/// Writes parameters as `key=value` pairs, the form that records carry.
pub fn write(parameters: &Parameters) -> String {
    parameters
        .iter()
        .map(|(key, value)| format!("{key}={}", quoted(value)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(value: &str) -> String {
    let special = |c| is_space(c) || c == '\'' || c == '\\';
    let plain = !value.is_empty() && !value.contains(special);
    if plain {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

/// Whether a parameter exists and may be given.
///
/// # Errors
/// [`Class::Conninfo`] when not.
pub(crate) fn check_keyword(key: &str) -> Result<(), Error> {
    if KEYWORDS.contains(&key) || WITHOUT_EFFECT.contains(&key) {
        Ok(())
    } else if REFUSED.contains(&key) {
        Err(bad(format!("connection parameter {key} is not supported"))
            .with_hint("Leave it out; what it promises cannot be kept here."))
    } else {
        Err(bad(format!("unknown connection parameter {key:?}"))
            .with_hint("Parameters are those of libpq: host, port, dbname, user, sslmode, …"))
    }
}

/// Whether the values are such as libpq takes, wherever they came from.
///
/// # Errors
/// [`Class::Conninfo`] for one that is not.
pub(crate) fn check_values(parameters: &Parameters) -> Result<(), Error> {
    let dbname = parameters.get("dbname").map(String::as_str);
    if dbname
        .is_some_and(|name| name.starts_with("postgres://") || name.starts_with("postgresql://"))
    {
        return Err(bad("dbname is a whole connection string")
            .with_hint("Give the string as it is, without dbname= and not in PGDATABASE."));
    }
    for (key, choices) in CHOICES {
        let Some(value) = parameters.get(*key) else {
            continue;
        };
        // Of all words libpq takes only versions of TLS in any case.
        let fits = |choice: &&str| {
            *choice == value || key.starts_with("ssl_") && choice.eq_ignore_ascii_case(value)
        };
        if !choices.iter().any(fits) {
            return Err(bad(format!("{key} cannot be {value:?}")).with_hint(format!(
                "Choose one of: {}.",
                choices.join(", ").trim_start_matches(", ")
            )));
        }
    }
    for key in NUMBERS {
        let value = parameters.get(*key).map(|value| value.trim());
        if value.is_some_and(|value| value.parse::<i32>().is_err()) {
            return Err(bad(format!("{key} is not a number"))
                .with_hint("It is a whole number of seconds, milliseconds or tries."));
        }
    }
    Ok(())
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Class::Conninfo, message)
}

/// What ends a value: isspace() of C, no blank of Unicode's.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

fn parse_pairs(text: &str) -> Result<Parameters, Error> {
    let mut parameters = Parameters::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| is_space(*c)).is_some() {}
        if chars.peek().is_none() {
            return Ok(parameters);
        }
        let mut key = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && !is_space(*c)) {
            key.push(c);
        }
        while chars.next_if(|c| is_space(*c)).is_some() {}
        if chars.next_if_eq(&'=').is_none() {
            // The word may be a mistyped password: do not repeat it.
            return Err(
                bad("the connection string has a word without \"=\"").with_hint(
                    "Write key=value pairs, or a URI: postgresql://user@host:5432/dbname.",
                ),
            );
        }
        while chars.next_if(|c| is_space(*c)).is_some() {}
        let value = parse_value(&mut chars)?;
        parameters.insert(key, value);
    }
}

fn parse_value(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, Error> {
    let in_quotes = chars.next_if_eq(&'\'').is_some();
    let mut value = String::new();
    while let Some(c) = chars.next_if(|c| in_quotes || !is_space(*c)) {
        match c {
            '\'' if in_quotes => return Ok(value),
            '\\' => value.extend(chars.next()),
            other => value.push(other),
        }
    }
    if in_quotes {
        return Err(bad(
            "the connection string has a quoted value that does not end",
        ));
    }
    Ok(value)
}

/// What follows `postgresql://`: `[user[:password]@][host[:port],…][/dbname][?key=value&…]`,
/// cut where libpq cuts it.
fn parse_uri(rest: &str) -> Result<Parameters, Error> {
    let mut parameters = Parameters::new();
    let mut rest = rest;
    if let Some((userinfo, after)) = cut(rest, &['@', '/'], '@') {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        insert_decoded(&mut parameters, "user", user)?;
        insert_decoded(&mut parameters, "password", password)?;
        rest = after;
    }
    rest = parse_hosts(&mut parameters, rest)?;
    if let Some(path) = rest.strip_prefix('/') {
        let (dbname, query) = path.split_once('?').unwrap_or((path, ""));
        insert_decoded(&mut parameters, "dbname", dbname)?;
        rest = query;
    } else {
        rest = rest.strip_prefix('?').unwrap_or(rest);
    }
    if !rest.is_empty() {
        for pair in rest.strip_suffix('&').unwrap_or(rest).split('&') {
            insert_pair(&mut parameters, pair)?;
        }
    }
    Ok(parameters)
}

/// Cuts a text at the first of `ends`, if that is `wanted`; gives what is before and after.
fn cut<'t>(text: &'t str, ends: &[char], wanted: char) -> Option<(&'t str, &'t str)> {
    let at = text.find(ends)?;
    let after = text.get(at..)?.strip_prefix(wanted)?;
    Some((text.get(..at)?, after))
}

fn insert_pair(parameters: &mut Parameters, pair: &str) -> Result<(), Error> {
    let (key, value) = pair
        .split_once('=')
        .filter(|(_, value)| !value.contains('='))
        .ok_or_else(|| bad("the URI has a parameter that is not key=value"))?;
    let (key, value) = match (key, value) {
        ("ssl", "true") => ("sslmode".to_owned(), "require".to_owned()),
        _ => (decoded(key)?, decoded(value)?),
    };
    parameters.insert(key, value);
    Ok(())
}

fn insert_decoded(parameters: &mut Parameters, key: &str, text: &str) -> Result<(), Error> {
    if !text.is_empty() {
        parameters.insert(key.to_owned(), decoded(text)?);
    }
    Ok(())
}

/// Takes hosts and ports off the front; gives what follows them.
fn parse_hosts<'t>(parameters: &mut Parameters, text: &'t str) -> Result<&'t str, Error> {
    let end = text.find(['/', '?']);
    // A slash or question mark inside of brackets is no address anyway.
    let (hosts, rest) = text.split_at(end.unwrap_or(text.len()));
    let mut names = Vec::new();
    let mut ports = Vec::new();
    if hosts.contains('@') {
        return Err(bad("the URI has more than one \"@\" before the path")
            .with_hint("Write an at sign of the user or the password as %40."));
    }
    for host in hosts.split(',') {
        let (name, port) = split_port(host)?;
        names.push(decoded(name)?);
        ports.push(decoded(port)?);
    }
    if names.iter().any(|name| !name.is_empty()) {
        parameters.insert("host".to_owned(), names.join(","));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        parameters.insert("port".to_owned(), ports.join(","));
    }
    Ok(rest)
}

fn split_port(host: &str) -> Result<(&str, &str), Error> {
    let Some(inner) = host.strip_prefix('[') else {
        return Ok(host.split_once(':').unwrap_or((host, "")));
    };
    let (address, after) = inner
        .split_once(']')
        .filter(|(address, _)| !address.is_empty())
        .ok_or_else(|| bad("the URI has an IPv6 address that is empty or without \"]\""))?;
    match after.strip_prefix(':') {
        Some(port) => Ok((address, port)),
        None if after.is_empty() => Ok((address, "")),
        None => Err(bad("the URI has something between \"]\" and the port")),
    }
}

fn decoded(text: &str) -> Result<String, Error> {
    let complete = text.split('%').skip(1).all(|after| {
        let token = after.get(..2).unwrap_or_default();
        token.len() == 2 && token != "00" && token.bytes().all(|b| b.is_ascii_hexdigit())
    });
    if !complete {
        return Err(
            bad("the URI has a \"%\" that two hexadecimal digits do not follow")
                .with_hint("Write a percent sign itself as %25."),
        );
    }
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|error| bad("the URI has bytes that are not UTF-8").with_source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap().into_iter().collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn pairs_take_quotes_escapes_and_spaces_around_the_sign() {
        assert_eq!(
            parsed(r"host = /tmp  dbname='my \'db\\' user=a\ b password=''"),
            pairs(&[
                ("dbname", r"my 'db\"),
                ("host", "/tmp"),
                ("password", ""),
                ("user", "a b"),
            ])
        );
        assert!(parsed("").is_empty());
    }

    #[test]
    fn a_uri_is_taken_apart_and_decoded() {
        assert_eq!(
            parsed(
                "postgresql://me:p%40ss@h1:1,[::1]:2/my%20db?sslmode=require&options=-c%20a%3Db"
            ),
            pairs(&[
                ("dbname", "my db"),
                ("host", "h1,::1"),
                ("options", "-c a=b"),
                ("password", "p@ss"),
                ("port", "1,2"),
                ("sslmode", "require"),
                ("user", "me"),
            ])
        );
        assert_eq!(
            parsed("postgres:///db?host=/run/x"),
            pairs(&[("dbname", "db"), ("host", "/run/x")])
        );
    }

    #[test]
    fn what_does_not_parse_is_refused_and_never_repeated() {
        for text in [
            "hunter2",
            "host=h password='hunter2",
            "postgresql://h/?hunter2",
            "postgresql://u:x@hunter2@h/",
            "password=x hunter2=1",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.class(), Class::Conninfo);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(parse("hots=x").unwrap_err().to_string().contains("hots"));
    }

    #[test]
    fn a_uri_is_cut_where_libpq_cuts_it() {
        assert_eq!(
            parsed("postgresql://u:p?w@h?user=v"),
            pairs(&[("host", "h"), ("password", "p?w"), ("user", "v")])
        );
        assert_eq!(
            parsed("postgresql://:5433/?ssl=true"),
            pairs(&[("port", "5433"), ("sslmode", "require")])
        );
        for text in [
            "postgresql://h/%zz",
            "postgresql://h/%00",
            "postgresql://[::1",
            "postgresql://[]:1/",
            "postgresql://[::1]x/",
            "postgresql://h/?user=a=b",
        ] {
            assert_eq!(parse(text).unwrap_err().class(), Class::Conninfo, "{text}");
        }
    }

    #[test]
    fn values_that_libpq_refuses_are_refused() {
        for text in [
            "sslmode=on",
            "sslmode=REQUIRE",
            "connect_timeout=''",
            "sslnegotiation=tls",
            "target_session_attrs=master",
            "gssencmode=require",
            "connect_timeout=soon",
            "keepalives_idle=1.5",
        ] {
            let parameters = parse(text).unwrap();
            assert!(check_values(&parameters).is_err(), "{text}");
        }
        let fine = parse("sslmode=allow ssl_min_protocol_version=tlsv1.3 connect_timeout=-1");
        check_values(&fine.unwrap()).unwrap();
    }

    /// A database of this name must not lead elsewhere.
    #[test]
    fn no_blank_in_a_value_begins_another_parameter() {
        for blank in [' ', '\t', '\n', '\u{b}', '\u{c}', '\r', '\u{85}', '\u{a0}'] {
            let name = format!("x{blank}host=elsewhere");
            let parameters = Parameters::from([("dbname".to_owned(), name)]);
            let written = write(&parameters);
            assert_eq!(parse(&written).unwrap(), parameters, "{written:?}");
            // libpq knows blanks of ASCII only, and takes them unless they are quoted.
            let is_quoted = written.starts_with("dbname='");
            assert_eq!(is_quoted, blank.is_ascii(), "{written:?}");
        }
    }

    #[test]
    fn what_is_written_parses_to_the_same() {
        let text = r"application_name='it\'s \\ here' dbname='' host=/tmp";
        assert_eq!(write(&parse(text).unwrap()), text);
    }
}
