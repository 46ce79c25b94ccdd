//! Connection service files: named groups of connection parameters (manual, «The Connection
//! Service File»).

use std::fs;
use std::path::{Path, PathBuf};

use crate::conninfo::{self, Parameters};
use crate::endpoint::Environment;
use crate::error::{Class, Error};

/// Where Debian's and upstream's libpq look when `PGSYSCONFDIR` is not set.
const SYSTEM_DIRECTORIES: &[&str] = &["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/etc"];

/// The parameters of a service: of `PGSERVICEFILE` or `~/.pg_service.conf`, else of the
/// system's file.
///
/// # Errors
/// [`Class::Conninfo`] when no file has it, or a file does not parse.
pub(crate) fn look_up(name: &str, environment: Environment<'_>) -> Result<Parameters, Error> {
    let named = environment("PGSERVICEFILE");
    if let Some(file) = named.filter(|file| !Path::new(file).exists()) {
        let message = format!("service file {file:?} was not found");
        return Err(Error::new(Class::Conninfo, message)
            .with_hint("Correct PGSERVICEFILE, or unset it to use ~/.pg_service.conf."));
    }
    let files = files(environment);
    for file in &files {
        let Ok(bytes) = fs::read(file) else {
            continue;
        };
        if let Some(parameters) = find(&String::from_utf8_lossy(&bytes), name, file)? {
            return Ok(parameters);
        }
    }
    let places: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    Err(
        Error::new(Class::Conninfo, format!("service {name:?} was not found"))
            .with_hint(format!("Write it into one of: {}.", places.join(", "))),
    )
}

fn files(environment: Environment<'_>) -> Vec<PathBuf> {
    let own = environment("PGSERVICEFILE")
        .map(PathBuf::from)
        .or_else(|| environment("HOME").map(|home| Path::new(&home).join(".pg_service.conf")));
    let system = environment("PGSYSCONFDIR").map_or_else(
        || SYSTEM_DIRECTORIES.iter().map(PathBuf::from).collect(),
        |directory| vec![PathBuf::from(directory)],
    );
    own.into_iter()
        .chain(system.into_iter().map(|dir| dir.join("pg_service.conf")))
        .collect()
}

/// The parameters of a service in a file; of a parameter that is there twice, the first.
pub(crate) fn find(text: &str, name: &str, file: &Path) -> Result<Option<Parameters>, Error> {
    let mut found: Option<Parameters> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            let after = section.strip_prefix(name);
            if after.is_some_and(|after| after.starts_with(']')) {
                found = Some(Parameters::new());
            }
            continue;
        }
        let Some(parameters) = &mut found else {
            continue;
        };
        let (key, value) = line
            .split_once('=')
            .filter(|(key, _)| *key != "service" && conninfo::check_keyword(key).is_ok())
            .ok_or_else(|| unreadable(file, index + 1))?;
        parameters
            .entry(key.to_owned())
            .or_insert_with(|| value.to_owned());
    }
    Ok(found)
}

/// The line is not repeated: it may hold a password.
fn unreadable(file: &Path, line: usize) -> Error {
    Error::new(
        Class::Conninfo,
        format!("cannot read line {line} of service file {}", file.display()),
    )
    .with_hint("Each line is a parameter of libpq, as in host=db1, without spaces around the sign.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# shops\n[a]\nhost=ha\nhost=second\n\n[b]\nhost=hb\npassword=x=y\n";

    #[test]
    fn a_service_is_the_lines_below_its_name() {
        let find = |name| find(FILE, name, Path::new("f")).unwrap();
        assert_eq!(find("a").unwrap()["host"], "ha");
        assert_eq!(find("b").unwrap()["password"], "x=y");
        assert!(find("c").is_none());
    }

    #[test]
    fn a_line_that_is_none_is_told_by_number_and_not_repeated() {
        for line in ["hunter2", "service=other", "pass word=hunter2"] {
            let error = find(&format!("[a]\n{line}\n"), "a", Path::new("f")).unwrap_err();
            assert!(error.to_string().contains("line 2"), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
