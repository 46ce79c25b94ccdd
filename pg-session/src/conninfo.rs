//! Connection strings as libpq takes them: `key=value` pairs or a URI.
//! Parses only; what is not given is looked up by [`crate::endpoint`].

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::error::{Class, Error};

/// Parameters that libpq knows (manual, section «Parameter Key Words») and that mean
/// something to us.
const KEYWORDS: &[&str] = &[
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "channel_binding",
    "connect_timeout",
    "client_encoding",
    "options",
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "sslmode",
    "sslnegotiation",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "gssencmode",
    "target_session_attrs",
    "load_balance_hosts",
];

/// Parameters that libpq knows and we do not honour yet. One that promises safety must not be
/// ignored, so all of them are refused.
const NOT_YET: &[&str] = &[
    "service",
    "require_auth",
    "requirepeer",
    "replication",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslpassword",
    "sslsni",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "min_protocol_version",
    "max_protocol_version",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "oauth_issuer",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_scope",
    "scram_client_key",
    "scram_server_key",
    "sslkeylogfile",
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
        check_keyword(key)?;
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
    let plain = !value.is_empty() && !value.contains([' ', '\'', '\\', '\t', '\n']);
    if plain {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

fn check_keyword(key: &str) -> Result<(), Error> {
    if KEYWORDS.contains(&key) {
        Ok(())
    } else if NOT_YET.contains(&key) {
        Err(
            bad(format!("connection parameter {key} is not supported yet"))
                .with_hint("Leave it out, or write out the parameters of a service."),
        )
    } else {
        Err(bad(format!("unknown connection parameter {key:?}"))
            .with_hint("Parameters are those of libpq: host, port, dbname, user, sslmode, …"))
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Class::Conninfo, message)
}

fn parse_pairs(text: &str) -> Result<Parameters, Error> {
    let mut parameters = Parameters::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(parameters);
        }
        let mut key = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && !c.is_whitespace()) {
            key.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next_if_eq(&'=').is_none() {
            // The word may be a mistyped password: do not repeat it.
            return Err(
                bad("the connection string has a word without \"=\"").with_hint(
                    "Write key=value pairs, or a URI: postgresql://user@host:5432/dbname.",
                ),
            );
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let value = parse_value(&mut chars)?;
        parameters.insert(key, value);
    }
}

fn parse_value(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, Error> {
    let in_quotes = chars.next_if_eq(&'\'').is_some();
    let mut value = String::new();
    while let Some(c) = chars.next_if(|c| in_quotes || !c.is_whitespace()) {
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

/// What follows `postgresql://`: `[user[:password]@][host[:port],…][/dbname][?key=value&…]`.
fn parse_uri(rest: &str) -> Result<Parameters, Error> {
    let mut parameters = Parameters::new();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, dbname) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (user, hosts),
        None => ("", authority),
    };
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    insert_decoded(&mut parameters, "user", user)?;
    insert_decoded(&mut parameters, "password", password)?;
    insert_decoded(&mut parameters, "dbname", dbname)?;
    insert_hosts(&mut parameters, hosts)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| bad("the URI has a parameter without \"=\""))?;
        let key = if key == "ssl" && value == "true" {
            parameters.insert("sslmode".to_owned(), "require".to_owned());
            continue;
        } else {
            decoded(key)?
        };
        parameters.insert(key, decoded(value)?);
    }
    Ok(parameters)
}

fn insert_decoded(parameters: &mut Parameters, key: &str, text: &str) -> Result<(), Error> {
    if !text.is_empty() {
        parameters.insert(key.to_owned(), decoded(text)?);
    }
    Ok(())
}

fn insert_hosts(parameters: &mut Parameters, hosts: &str) -> Result<(), Error> {
    if hosts.is_empty() {
        return Ok(());
    }
    let mut names = Vec::new();
    let mut ports = Vec::new();
    for host in hosts.split(',') {
        let (name, port) = split_port(host)?;
        names.push(decoded(name)?);
        ports.push(port.to_owned());
    }
    if names.iter().any(|name| !name.is_empty()) {
        parameters.insert("host".to_owned(), names.join(","));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        parameters.insert("port".to_owned(), ports.join(","));
    }
    Ok(())
}

fn split_port(host: &str) -> Result<(&str, &str), Error> {
    if let Some(inner) = host.strip_prefix('[') {
        let (address, after) = inner
            .split_once(']')
            .ok_or_else(|| bad("the URI has an IPv6 address without \"]\""))?;
        return Ok((address, after.strip_prefix(':').unwrap_or("")));
    }
    Ok(host.split_once(':').unwrap_or((host, "")))
}

fn decoded(text: &str) -> Result<String, Error> {
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
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.class(), Class::Conninfo);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(parse("hots=x").unwrap_err().to_string().contains("hots"));
    }

    #[test]
    fn what_is_written_parses_to_the_same() {
        let text = r"application_name='it\'s \\ here' dbname='' host=/tmp";
        assert_eq!(write(&parse(text).unwrap()), text);
    }
}
