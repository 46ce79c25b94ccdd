//! The migration file: what is to be migrated from where to where. Reads and checks it, with
//! the flags beside it; resolves no server. Azure's body becomes ours first.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pg_pipe::Failure;
use pg_pipe::record::{Migration, MigrationOption};
use pg_session::conninfo;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::args::FileArgs;
use crate::azure;

/// The longest name, in bytes.
const NAME_BYTES: usize = 63;

/// Kinds of source servers, in the words of Azure's API.
const SOURCE_TYPES: &[&str] = &[
    "AWS",
    "AWS_AURORA",
    "AWS_EC2",
    "AWS_RDS",
    "ApsaraDB_RDS",
    "AzureVM",
    "Crunchy_PostgreSQL",
    "Digital_Ocean_Droplets",
    "Digital_Ocean_PostgreSQL",
    "EDB",
    "EDB_Oracle_Server",
    "EDB_PostgreSQL",
    "GCP",
    "GCP_AlloyDB",
    "GCP_CloudSQL",
    "GCP_Compute",
    "Heroku_PostgreSQL",
    "Huawei_Compute",
    "Huawei_RDS",
    "OnPremises",
    "PostgreSQLCosmosDB",
    "PostgreSQLFlexibleServer",
    "PostgreSQLSingleServer",
    "Supabase_PostgreSQL",
];

/// Keys of the file.
const KEYS: &[&str] = &[
    "name",
    "option",
    "mode",
    "source_type",
    "source",
    "target",
    "databases",
    "overwrite",
    "in_place",
];

/// The database that a server is looked after from: whatever is on the target has sessions in it.
const NEVER_RENAMED: &str = "postgres";

/// A migration file that was read and checked. Holds connection strings as they were
/// written, with passwords, so it cannot be printed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MigrationFile {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) option: MigrationOption,
    #[serde(default = "offline")]
    mode: String,
    #[serde(default = "on_premises")]
    pub(crate) source_type: String,
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) databases: Vec<String>,
    #[serde(default)]
    pub(crate) overwrite: bool,
    /// Whether databases that are there, and empty, are loaded, and none is renamed.
    #[serde(default)]
    pub(crate) in_place: bool,
}

fn offline() -> String {
    "Offline".to_owned()
}

fn on_premises() -> String {
    "OnPremises".to_owned()
}

impl MigrationFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// A usage failure that names the file and what is wrong with it.
    pub(crate) fn read(args: &FileArgs) -> Result<Self, Failure> {
        let path = args.file.as_path();
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("cannot read the migration file {shown}: {error}"))
                .hint("Give the path of a migration file; the README shows one.")
        })?;
        let file = Self::parse(&text, args).map_err(|problem| problem.in_file(path))?;
        let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 != 0 && file.holds_password() {
            return Err(Failure::usage(format!(
                "the migration file {shown} holds a password and others can read it"
            ))
            .hint(format!(
                "Run: chmod 600 {shown}  (and change the password if others use this machine)."
            )));
        }
        Ok(file)
    }

    fn parse(text: &str, args: &FileArgs) -> Result<Self, Problem> {
        let mut keys: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            Problem::new(
                format!("is not a JSON object ({error})"),
                "Check it with: jq . FILE",
            )
        })?;
        let is_azures = keys.contains_key("properties");
        if is_azures {
            keys = azure::translated(&keys)?;
        }
        refuse_unknown(&keys, KEYS)?;
        add_flags(&mut keys, args)?;
        if is_azures {
            check_target(&keys)?;
        }
        let mut file: Self = serde_json::from_value(Value::Object(keys)).map_err(|error| {
            let hint = if error.to_string().starts_with("missing field") {
                "The keys name, source, target and databases are needed; the README shows a file."
            } else {
                "See docs/migration.schema.json for what each key may hold, and --help for the flags that win over them."
            };
            Problem::new(format!("is not right ({error})"), hint)
        })?;
        file.check()?;
        file.in_place |= file.databases == [NEVER_RENAMED];
        Ok(file)
    }

    /// A migration as its journal has it.
    pub(crate) fn of_migration(migration: &Migration, source: String, target: String) -> Self {
        Self {
            name: migration.name.clone(),
            option: migration.option,
            mode: offline(),
            source_type: migration.source_type.clone(),
            source,
            target,
            databases: migration.databases.clone(),
            overwrite: migration.overwrite,
            in_place: migration.in_place,
        }
    }

    fn check(&self) -> Result<(), Problem> {
        check_name(&self.name)?;
        check_mode(&self.mode)?;
        if !SOURCE_TYPES.contains(&self.source_type.as_str()) {
            return Err(Problem::new(
                format!("has the unknown source_type {:?}", self.source_type),
                format!("Choose one of {}.", SOURCE_TYPES.join(", ")),
            ));
        }
        if self.in_place && self.overwrite {
            return Err(Problem::new(
                "asks for both in_place and overwrite",
                "In place only empty databases are loaded, so nothing is replaced: leave one out.",
            ));
        }
        check_databases(&self.databases)
    }

    /// Whether one of several databases cannot be renamed. All of a migration go the same way,
    /// since all are put in place at once.
    ///
    /// # Errors
    /// A usage failure that says which ways there are.
    pub(crate) fn check_place(&self) -> Result<(), Failure> {
        if self.in_place || !self.databases.iter().any(|name| name == NEVER_RENAMED) {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "database {NEVER_RENAMED} is to be migrated with others, and cannot be renamed"
        ))
        .hint(format!(
            "Give {NEVER_RENAMED} a migration of its own, or add --in-place to load all of them \
             into databases that are there."
        )))
    }

    fn holds_password(&self) -> bool {
        [&self.source, &self.target].into_iter().any(|text| {
            // What does not parse is not used either; resolving it tells what is wrong.
            conninfo::parse(text).is_ok_and(|parameters| {
                ["password", "sslpassword"]
                    .iter()
                    .any(|key| parameters.contains_key(*key))
            })
        })
    }
}

/// Any bytes as a migration file.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzzed(data: &[u8]) {
    let args = FileArgs::default();
    if let Ok(file) = MigrationFile::parse(&String::from_utf8_lossy(data), &args) {
        assert!(check_name(&file.name).is_ok() && !file.databases.is_empty());
        file.holds_password();
    }
}

/// What is wrong with a file, and what to do about it.
#[derive(Debug)]
pub(crate) struct Problem {
    what: String,
    hint: String,
}

impl Problem {
    /// A problem that follows «the migration file F», and a full sentence.
    pub(crate) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// What is wrong, without the hint.
    #[cfg(test)]
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    fn in_file(self, path: &Path) -> Failure {
        Failure::usage(format!(
            "the migration file {} {}",
            path.display(),
            self.what
        ))
        .hint(self.hint)
    }
}

/// What flags say wins over the file.
fn add_flags(keys: &mut Map<String, Value>, args: &FileArgs) -> Result<(), Problem> {
    let flags = [("name", &args.name), ("option", &args.option)];
    for (key, value) in flags {
        if let Some(value) = value {
            keys.insert(key.to_owned(), value.as_str().into());
        }
    }
    if args.in_place {
        keys.insert("in_place".to_owned(), true.into());
    }
    if !keys.contains_key("name") {
        return Err(Problem::new(
            "has no name for the migration",
            "Give --name NAME, or a key name in the file.",
        ));
    }
    if !args.databases.is_empty() {
        keys.insert("databases".to_owned(), args.databases.clone().into());
    }
    let Some(server) = &args.target_server else {
        return Ok(());
    };
    let target = keys.get("target").and_then(Value::as_str);
    // What does not parse is told when it is resolved.
    let Ok(mut parameters) = conninfo::parse(target.unwrap_or_default()) else {
        return Ok(());
    };
    let (host, port) = host_and_port(server);
    parameters.remove("hostaddr");
    parameters.insert("host".to_owned(), host.to_owned());
    match port {
        Some(port) => parameters.insert("port".to_owned(), port.to_owned()),
        None => parameters.remove("port"),
    };
    keys.insert("target".to_owned(), conninfo::write(&parameters).into());
    Ok(())
}

/// Azure's body has no place for a connection string, whose host may be left to the environment:
/// without the flag all would go to whatever server runs on this machine.
fn check_target(keys: &Map<String, Value>) -> Result<(), Problem> {
    let target = keys.get("target").and_then(Value::as_str);
    let parameters = conninfo::parse(target.unwrap_or_default()).unwrap_or_default();
    if parameters.contains_key("host") {
        return Ok(());
    }
    Err(Problem::new(
        "does not name the target server",
        "Give --target-server HOST[:PORT].",
    ))
}

/// Takes `host`, `host:port`, `[::1]:port` and `::1` apart.
pub(crate) fn host_and_port(server: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = server
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return (host, rest.strip_prefix(':'));
    }
    match server.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (server, None),
    }
}

/// Names every key that is not known.
///
/// # Errors
/// When there is one.
fn refuse_unknown(keys: &Map<String, Value>, known: &[&str]) -> Result<(), Problem> {
    let unknown: Vec<String> = keys
        .keys()
        .filter(|key| !known.contains(&key.as_str()))
        .map(|key| format!("{key:?}"))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        format!("has keys that we do not know: {}", unknown.join(", ")),
        format!("The keys are {}.", known.join(", ")),
    ))
}

/// Whether a migration may be called so.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain && !name.is_empty() && !name.starts_with('-') && name.len() <= NAME_BYTES
}

fn check_name(name: &str) -> Result<(), Problem> {
    if is_name(name) {
        return Ok(());
    }
    Err(Problem::new(
        format!("has a name that will not do: {name:?}"),
        format!("Use letters, digits and hyphens, no hyphen first, {NAME_BYTES} at most."),
    ))
}

fn check_mode(mode: &str) -> Result<(), Problem> {
    match mode {
        "Offline" => Ok(()),
        "Online" => Err(Problem::new(
            "asks for mode Online, which does not exist yet",
            "Stop writes to the source and use Offline.",
        )),
        other => Err(Problem::new(
            format!("has the unknown mode {other:?}"),
            "Use Offline.",
        )),
    }
}

fn check_databases(databases: &[String]) -> Result<(), Problem> {
    if databases.is_empty() {
        return Err(Problem::new(
            "names no database",
            "List at least one under databases.",
        ));
    }
    for (index, name) in databases.iter().enumerate() {
        if name.is_empty() || name.len() > NAME_BYTES || name.contains('\0') {
            return Err(Problem::new(
                format!("has a database that cannot exist: {name:?}"),
                "Names of databases have 1 to 63 bytes.",
            ));
        }
        if databases.iter().take(index).any(|other| other == name) {
            return Err(Problem::new(
                format!("lists the database {name:?} twice"),
                "List each database once.",
            ));
        }
        if name == "template0" || name == "template1" {
            return Err(Problem::new(
                format!("lists {name}, which belongs to the server"),
                "List user databases only.",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn whole() -> Value {
        json!({
            "name": "m1", "source": "host=a user=u", "target": "host=b user=u",
            "databases": ["shop"]
        })
    }

    fn with(key: &str, value: Value) -> Result<MigrationFile, String> {
        let mut file = whole();
        file[key] = value;
        MigrationFile::parse(&file.to_string(), &FileArgs::of("m.json".into()))
            .map_err(|problem| problem.what)
    }

    fn refused(key: &str, value: Value) -> String {
        with(key, value).err().unwrap()
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let file = with("name", json!("m1")).unwrap_or_else(|what| panic!("{what}"));
        assert_eq!(file.option, MigrationOption::ValidateAndMigrate);
        assert_eq!(file.source_type, "OnPremises");
        assert!(!file.overwrite);
    }

    #[test]
    fn names_are_letters_digits_and_hyphens() {
        for name in ["m", "M-1", "1", "a-", &"x".repeat(63)] {
            assert!(with("name", json!(name)).is_ok(), "{name}");
        }
        for name in ["", "-a", "a_b", "a b", "ä", "a.b", "a/b", &"x".repeat(64)] {
            assert!(with("name", json!(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn every_unknown_key_is_named() {
        let mut file = whole();
        file["colour"] = json!(1);
        file["Name"] = json!("x");
        let problem = MigrationFile::parse(&file.to_string(), &FileArgs::of("m.json".into()))
            .err()
            .unwrap();
        assert!(problem.what.contains("\"colour\""), "{}", problem.what);
        assert!(problem.what.contains("\"Name\""), "{}", problem.what);
    }

    #[test]
    fn the_checked_in_schema_has_our_keys_and_words() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/migration.schema.json");
        let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        let mut ours = KEYS.to_vec();
        ours.sort_unstable();
        assert_eq!(properties.keys().collect::<Vec<_>>(), ours);
        assert_eq!(properties["source_type"]["enum"], json!(SOURCE_TYPES));
        for option in properties["option"]["enum"].as_array().unwrap() {
            assert!(with("option", option.clone()).is_ok(), "{option}");
        }
    }

    #[test]
    fn flags_win_over_the_file() {
        let mut args = FileArgs::of("m.json".into());
        args.name = Some("m2".to_owned());
        args.option = Some("Validate".to_owned());
        args.databases = vec!["x".to_owned(), "y".to_owned()];
        args.target_server = Some("c:1".to_owned());
        let file = MigrationFile::parse(&whole().to_string(), &args)
            .unwrap_or_else(|problem| panic!("{}", problem.what));
        assert_eq!(file.name, "m2");
        assert_eq!(file.option, MigrationOption::Validate);
        assert_eq!(file.databases, ["x", "y"]);
        assert_eq!(file.target, "host=c port=1 user=u");
        args.option = Some("Sideways".to_owned());
        assert!(MigrationFile::parse(&whole().to_string(), &args).is_err());
        args.option = None;
        args.name = None;
        let mut nameless = whole();
        nameless.as_object_mut().unwrap().remove("name");
        let problem = MigrationFile::parse(&nameless.to_string(), &args)
            .err()
            .unwrap();
        assert!(problem.hint.contains("--name"), "{}", problem.hint);
    }

    #[test]
    fn servers_are_taken_apart() {
        for (given, host, port) in [
            ("db.example", "db.example", None),
            ("db.example:5433", "db.example", Some("5433")),
            ("[::1]:5433", "::1", Some("5433")),
            ("::1", "::1", None),
        ] {
            assert_eq!(host_and_port(given), (host, port));
        }
    }

    #[test]
    fn online_is_answered_with_a_word() {
        assert!(refused("mode", json!("Online")).contains("does not exist yet"));
        assert!(refused("mode", json!("Sideways")).contains("unknown mode"));
    }

    #[test]
    fn source_types_are_those_of_azure() {
        assert_eq!(SOURCE_TYPES.len(), 24);
        assert!(with("source_type", json!("AWS_AURORA")).is_ok());
        assert!(refused("source_type", json!("aurora")).contains("aurora"));
    }

    #[test]
    fn databases_are_at_least_one_and_no_two_alike() {
        assert!(refused("databases", json!([])).contains("no database"));
        assert!(refused("databases", json!(["a", "b", "a"])).contains("twice"));
        assert!(refused("databases", json!(["template1"])).contains("server"));
        assert!(refused("databases", json!(["x".repeat(64)])).contains("cannot exist"));
        assert!(with("databases", json!(["a", "A", "a b\n\"'"])).is_ok());
    }

    #[test]
    fn postgres_is_loaded_in_place_by_itself_and_others_by_the_users_word() {
        let place = |databases: Value, in_place: bool| {
            let mut file = whole();
            file["databases"] = databases;
            let mut args = FileArgs::of("m.json".into());
            args.in_place = in_place;
            let file = MigrationFile::parse(&file.to_string(), &args)
                .unwrap_or_else(|problem| panic!("{}", problem.what));
            (file.in_place, file.check_place().is_ok())
        };
        assert_eq!(place(json!(["shop"]), false), (false, true));
        assert_eq!(place(json!(["shop", "postgres"]), true), (true, true));
        assert_eq!(place(json!(["postgres"]), false), (true, true));
        assert_eq!(place(json!(["shop", "postgres"]), false), (false, false));
        let mut both = whole();
        both["in_place"] = json!(true);
        both["overwrite"] = json!(true);
        let both = MigrationFile::parse(&both.to_string(), &FileArgs::of("m.json".into()));
        assert!(both.err().unwrap().what.contains("overwrite"));
    }

    #[test]
    fn a_file_with_a_password_that_others_can_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let allow = |mode| {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        };
        let mut text = whole();
        text["target"] = json!("postgresql://u:hunter2@b/postgres");
        fs::write(file.path(), text.to_string()).unwrap();
        allow(0o640);
        let failure = MigrationFile::read(&FileArgs::of(file.path().to_owned()))
            .err()
            .unwrap();
        assert!(failure.to_string().contains("holds a password"));
        assert!(!failure.to_string().contains("hunter2"));
        let hint = failure.diagnosis().hint.clone().unwrap();
        assert!(hint.contains("chmod 600"), "{hint}");
        allow(0o600);
        assert!(MigrationFile::read(&FileArgs::of(file.path().to_owned())).is_ok());
        fs::write(file.path(), whole().to_string()).unwrap();
        allow(0o644);
        assert!(MigrationFile::read(&FileArgs::of(file.path().to_owned())).is_ok());
    }
}
