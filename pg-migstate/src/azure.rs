//! The body of Azure's command line (`az postgres flexible-server migration create
//! --properties FILE`), as its tutorial has it, in the keys of our own migration file. Letter
//! case of keys does not matter: the command line and the REST interface differ in it.

use pg_session::conninfo::{self, Parameters};
use serde_json::{Map, Value};

use crate::file::{Problem, host_and_port};

const PROPERTIES: &[&str] = &[
    "SourceDBServerResourceId",
    "sourceDBServerFullyQualifiedDomainName",
    "targetDBServerFullyQualifiedDomainName",
    "SecretParameters",
    "DBsToMigrate",
    "OverwriteDBsInTarget",
    "sourceType",
    "sslMode",
    "migrationMode",
    "migrationOption",
    "migrationRuntimeResourceId",
    "migrationInstanceResourceId",
    "setupLogicalReplicationOnSourceDBIfNeeded",
];
const SECRETS: &[&str] = &[
    "AdminCredentials",
    "sourceServerUserName",
    "targetServerUserName",
];
const CREDENTIALS: &[&str] = &["SourceServerPassword", "TargetServerPassword"];

/// Azure's words for `sslmode`.
const SSL_MODES: &[(&str, &str)] = &[
    ("Prefer", "prefer"),
    ("Require", "require"),
    ("VerifyCA", "verify-ca"),
    ("VerifyFull", "verify-full"),
];

/// The keys of our file, from those of Azure's.
///
/// # Errors
/// When a key is unknown, missing, or not what it should be.
pub(crate) fn translated(body: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let body = Level::of("", body, &["properties"])?;
    let properties = body.level("properties", PROPERTIES)?;
    let secrets = properties.level("SecretParameters", SECRETS)?;
    let credentials = secrets.level("AdminCredentials", CREDENTIALS)?;
    let mut source = source(&properties, &secrets)?;
    let mut target = Parameters::new();
    let user = secrets.text("targetServerUserName")?.ok_or_else(|| {
        Problem::new(
            "has no properties.SecretParameters.targetServerUserName",
            "Say as whom to log in to the target.",
        )
    })?;
    set(&mut target, "user", Some(user));
    set(
        &mut target,
        "host",
        properties.text("targetDBServerFullyQualifiedDomainName")?,
    );
    let mode = ssl_mode(&properties)?;
    for (side, key) in [
        (&mut source, "SourceServerPassword"),
        (&mut target, "TargetServerPassword"),
    ] {
        set(side, "password", credentials.text(key)?);
        set(side, "dbname", Some("postgres".to_owned()));
        set(side, "sslmode", mode.map(str::to_owned));
    }
    let mut ours = Map::new();
    ours.insert("source".to_owned(), conninfo::write(&source).into());
    ours.insert("target".to_owned(), conninfo::write(&target).into());
    for (key, theirs) in [
        ("source_type", "sourceType"),
        ("mode", "migrationMode"),
        ("option", "migrationOption"),
    ] {
        if let Some(text) = properties.text(theirs)? {
            ours.insert(key.to_owned(), text.into());
        }
    }
    if let Some(databases) = properties.get("DBsToMigrate") {
        ours.insert("databases".to_owned(), databases.clone());
    }
    let overwrite = properties.flag("OverwriteDBsInTarget")?;
    ours.insert("overwrite".to_owned(), overwrite.into());
    Ok(ours)
}

/// `host:port@user`; a full host name and a user of their own win.
fn source(properties: &Level<'_>, secrets: &Level<'_>) -> Result<Parameters, Problem> {
    let mut source = Parameters::new();
    let id = properties.text("SourceDBServerResourceId")?;
    if let Some(id) = &id {
        let (server, user) = id
            .split_once('@')
            .map_or((id.as_str(), None), |(server, user)| {
                (server, Some(user.to_owned()))
            });
        let (host, port) = host_and_port(server);
        set(&mut source, "host", Some(host.to_owned()));
        set(&mut source, "port", port.map(str::to_owned));
        set(&mut source, "user", user);
    }
    let host = properties.text("sourceDBServerFullyQualifiedDomainName")?;
    set(&mut source, "host", host);
    set(&mut source, "user", secrets.text("sourceServerUserName")?);
    if source.contains_key("host") && source.contains_key("user") {
        return Ok(source);
    }
    Err(Problem::new(
        "does not say where the source is and as whom to log in",
        "Write properties.SourceDBServerResourceId as \"HOST:PORT@USER\".",
    ))
}

fn ssl_mode(properties: &Level<'_>) -> Result<Option<&'static str>, Problem> {
    let Some(given) = properties.text("sslMode")? else {
        return Ok(None);
    };
    let found = SSL_MODES
        .iter()
        .find(|(theirs, _)| theirs.eq_ignore_ascii_case(&given));
    found.map(|(_, ours)| Some(*ours)).ok_or_else(|| {
        Problem::new(
            format!("has the unknown sslMode {given:?}"),
            "Choose Prefer, Require, VerifyCA or VerifyFull.",
        )
    })
}

fn set(parameters: &mut Parameters, key: &str, value: Option<String>) {
    if let Some(value) = value {
        parameters.insert(key.to_owned(), value);
    }
}

/// One object of the body, whose keys are known.
struct Level<'a> {
    path: String,
    keys: Option<&'a Map<String, Value>>,
}

impl<'a> Level<'a> {
    fn of(path: &str, keys: &'a Map<String, Value>, known: &[&str]) -> Result<Self, Problem> {
        let is_unknown = |key: &&String| !known.iter().any(|one| one.eq_ignore_ascii_case(key));
        let unknown: Vec<String> = keys
            .keys()
            .filter(is_unknown)
            .map(|key| format!("{:?}", format!("{path}{key}")))
            .collect();
        if unknown.is_empty() {
            return Ok(Self {
                path: path.to_owned(),
                keys: Some(keys),
            });
        }
        Err(Problem::new(
            format!("has keys that we do not know: {}", unknown.join(", ")),
            format!("The keys there are {}.", known.join(", ")),
        ))
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        let mut keys = self.keys.into_iter().flatten();
        keys.find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }

    fn level(&self, key: &str, known: &[&str]) -> Result<Self, Problem> {
        let path = format!("{}{key}.", self.path);
        match self.get(key) {
            Some(Value::Object(keys)) => Self::of(&path, keys, known),
            Some(_) => Err(self.should_be(key, "an object")),
            None => Ok(Self { path, keys: None }),
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, Problem> {
        match self.get(key) {
            Some(Value::String(text)) => Ok(Some(text.clone())),
            // A value is not repeated: it may be a password.
            Some(_) => Err(self.should_be(key, "a string")),
            None => Ok(None),
        }
    }

    /// A truth value, which Azure writes as a string.
    fn flag(&self, key: &str) -> Result<bool, Problem> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(is)) => Ok(*is),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(self.should_be(key, "\"true\" or \"false\"")),
        }
    }

    fn should_be(&self, key: &str, what: &str) -> Problem {
        Problem::new(
            format!("has {}{key}, which is not {what}", self.path),
            format!("Write {what}, as in Azure's tutorial."),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tutorial() -> Value {
        json!({
            "properties": {
                "SourceDBServerResourceId": "aurora.example.com:5433@mover@home",
                "SecretParameters": {
                    "AdminCredentials": {
                        "SourceServerPassword": "it's a secret",
                        "TargetServerPassword": "other"
                    },
                    "targetServerUserName": "admin"
                },
                "DBsToMigrate": ["shop"],
                "OverwriteDBsInTarget": "true",
                "sourceType": "AWS_AURORA",
                "sslMode": "Require"
            }
        })
    }

    fn translate(body: &Value) -> Result<Value, String> {
        let Value::Object(keys) = body else {
            return Err("no object".to_owned());
        };
        translated(keys)
            .map(Value::Object)
            .map_err(|problem| problem.what().to_owned())
    }

    #[test]
    fn the_body_of_the_tutorial_becomes_ours() {
        let ours = translate(&tutorial()).unwrap();
        let source = conninfo::parse(ours["source"].as_str().unwrap()).unwrap();
        for (key, value) in [
            ("host", "aurora.example.com"),
            ("port", "5433"),
            ("user", "mover@home"),
            ("password", "it's a secret"),
            ("sslmode", "require"),
            ("dbname", "postgres"),
        ] {
            assert_eq!(source.get(key).map(String::as_str), Some(value), "{key}");
        }
        let target = conninfo::parse(ours["target"].as_str().unwrap()).unwrap();
        assert_eq!(target["user"], "admin");
        assert_eq!(target["password"], "other");
        assert_eq!(ours["overwrite"], json!(true));
        assert_eq!(ours["source_type"], json!("AWS_AURORA"));
        assert_eq!(ours["databases"], json!(["shop"]));
    }

    #[test]
    fn letter_case_of_keys_does_not_matter_and_unknown_ones_are_named_with_their_path() {
        let text = tutorial().to_string().to_lowercase();
        let text = text.replace("aws_aurora", "AWS_AURORA");
        assert!(translate(&serde_json::from_str(&text).unwrap()).is_ok());
        let mut body = tutorial();
        body["properties"]["SecretParameters"]["Colour"] = json!("red");
        let what = translate(&body).unwrap_err();
        assert!(
            what.contains("properties.SecretParameters.Colour"),
            "{what}"
        );
        assert!(!what.contains("red"), "{what}");
    }

    #[test]
    fn values_that_are_not_what_they_should_be_are_named_and_not_repeated() {
        for (pointer, value, named) in [
            ("/properties/sslMode", json!("Sometimes"), "Sometimes"),
            (
                "/properties/OverwriteDBsInTarget",
                json!("maybe"),
                "OverwriteDBsInTarget",
            ),
            (
                "/properties/SourceDBServerResourceId",
                json!("host:1"),
                "source",
            ),
            (
                "/properties/SecretParameters/AdminCredentials/SourceServerPassword",
                json!(4711),
                "SourceServerPassword",
            ),
        ] {
            let mut body = tutorial();
            *body.pointer_mut(pointer).unwrap() = value;
            let what = translate(&body).unwrap_err();
            assert!(what.contains(named), "{what}");
            assert!(!what.contains("4711"), "{what}");
        }
    }
}
