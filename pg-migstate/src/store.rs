//! The state directory: where journals, locks and password files of migrations are.
//!
//! ```text
//! STATE-DIR/HASH-OF-TARGET/NAME.ndjson         the journal
//! STATE-DIR/HASH-OF-TARGET/NAME.HASH.lock      held by who works on one of its databases
//! STATE-DIR/HASH-OF-TARGET/NAME.source.pgpass  a password that stood in the migration file
//! ```
//! Names of migrations have no dot, so that these cannot be taken for one another.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use pg_pipe::{Exit, Failure, owned};
use pg_session::endpoint::Environment;
use pg_session::staging;

use crate::guarded;

/// How often a lock is tried for: who only looks whether it is held has it for an instant.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The state directory.
#[derive(Clone, Debug)]
pub(crate) struct StateDir(PathBuf);

/// Where the files of one migration are.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    directory: PathBuf,
    name: String,
}

/// The right to work on one database of a migration; given back when dropped, and by the
/// operating system when the process dies.
#[derive(Debug)]
#[must_use = "the lock is given back when this is dropped"]
pub(crate) struct Held {
    _file: File,
}

impl StateDir {
    /// The directory: the flag or its variable, `$XDG_STATE_HOME/pgmig`, `~/.local/state/pgmig`.
    ///
    /// # Errors
    /// When there is neither of them.
    pub(crate) fn resolve(
        given: Option<&Path>,
        environment: Environment<'_>,
    ) -> Result<Self, Failure> {
        let state_home = environment("XDG_STATE_HOME").filter(|path| path.starts_with('/'));
        let directory = given
            .map(Path::to_owned)
            .or_else(|| Some(Path::new(&state_home?).join("pgmig")))
            .or_else(|| Some(Path::new(&environment("HOME")?).join(".local/state/pgmig")))
            .ok_or_else(|| {
                Failure::usage("no state directory: HOME is not set")
                    .hint("Give --state-dir DIR or set PGMIG_STATE_DIR.")
            })?;
        // The path of a password file goes to tools that may run elsewhere.
        let absolute = std::path::absolute(&directory)
            .map_err(|error| unusable("use the state directory", &directory, &error))?;
        Ok(Self(absolute))
    }

    /// Where a migration is kept.
    ///
    /// # Errors
    /// When others than us can write there.
    pub(crate) fn place(&self, target_address: &str, name: &str) -> Result<Place, Failure> {
        let place = Place {
            directory: self.0.join(staging::hex(&[target_address], 12)),
            name: name.to_owned(),
        };
        guarded::check(&self.0)?;
        guarded::check(&place.directory)?;
        Ok(place)
    }

    /// Every migration that has a journal, sorted by path.
    ///
    /// # Errors
    /// When the directory is there and cannot be read, or others than us can write there.
    pub(crate) fn places(&self) -> Result<Vec<Place>, Failure> {
        let mut places = Vec::new();
        guarded::check(&self.0)?;
        for target in children(&self.0)? {
            guarded::check(&target)?;
            for file in children(&target)? {
                let is_journal = file.extension().is_some_and(|ending| ending == "ndjson");
                let name = file.file_stem().and_then(|stem| stem.to_str());
                if let (true, Some(name)) = (is_journal, name) {
                    places.push(Place {
                        directory: target.clone(),
                        name: name.to_owned(),
                    });
                }
            }
        }
        Ok(places)
    }

    /// The directory itself, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Place {
    /// Name of the migration.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether another place is for the same migration of the same target.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.journal() == other.journal()
    }

    /// The journal.
    pub(crate) fn journal(&self) -> PathBuf {
        self.directory.join(format!("{}.ndjson", self.name))
    }

    /// Makes the directory, readable by its owner only.
    ///
    /// # Errors
    /// When it cannot be made, or others than us can write there, who may have made it first.
    pub(crate) fn create(&self) -> Result<(), Failure> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .map_err(|error| unusable("make the directory", &self.directory, &error))?;
        self.directory.parent().map_or(Ok(()), guarded::check)?;
        guarded::check(&self.directory)
    }

    /// Takes the right to work on a database; `None` when somebody has it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub(crate) fn hold(&self, database: &str) -> Result<Option<Held>, Failure> {
        self.create()?;
        let path = self.lock(database);
        let file = owned::file()
            .read(true)
            .open(&path)
            .map_err(|error| unusable("open", &path, &error))?;
        for _ in 0..LOCK_ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Held { _file: file })),
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(unusable("lock", &path, &error)),
            }
        }
        Ok(None)
    }

    /// Whether somebody works on a database.
    pub(crate) fn is_held(&self, database: &str) -> bool {
        File::open(self.lock(database))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    fn lock(&self, database: &str) -> PathBuf {
        let hash = staging::hex(&[database], 8);
        self.directory.join(format!("{}.{hash}.lock", self.name))
    }

    /// Writes the password file of a side, whole or not at all: other streams of the
    /// migration may be reading it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write_passfile(&self, side: &str, line: &str) -> Result<PathBuf, Failure> {
        let path = self.passfile(side);
        let fresh = path.with_extension(format!("pgpass.{}", std::process::id()));
        let written = owned::file()
            .truncate(true)
            .open(&fresh)
            .and_then(|mut file| {
                file.write_all(line.as_bytes())?;
                fs::rename(&fresh, &path)
            });
        written.map_err(|error| unusable("write", &path, &error))?;
        Ok(path)
    }

    /// Removes the password files, when nothing needs them any more.
    ///
    /// # Errors
    /// When one is there and stays.
    pub(crate) fn remove_passfiles(&self) -> Result<(), Failure> {
        for side in ["source", "target"] {
            let path = self.passfile(side);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(unusable("remove", &path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes all files of the migration, the journal last.
    ///
    /// # Errors
    /// When one is there and stays.
    pub(crate) fn remove_all(&self) -> Result<(), Failure> {
        self.remove_passfiles()?;
        let start = format!("{}.", self.name);
        for file in children(&self.directory)? {
            let name = file.file_name().and_then(|name| name.to_str());
            let is_lock = file.extension().is_some_and(|ending| ending == "lock");
            if is_lock && name.is_some_and(|name| name.starts_with(&start)) {
                fs::remove_file(&file).map_err(|error| unusable("remove", &file, &error))?;
            }
        }
        let journal = self.journal();
        fs::remove_file(&journal).map_err(|error| unusable("remove", &journal, &error))
    }

    fn passfile(&self, side: &str) -> PathBuf {
        self.directory.join(format!("{}.{side}.pgpass", self.name))
    }
}

/// A file of the state directory that cannot be used.
pub(crate) fn unusable(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Input,
        "state",
        format!("cannot {what} {}: {error}", path.display()),
    )
    .hint("Make room or mend its permissions, or choose another directory with --state-dir.")
}

fn children(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(unusable("read", directory, &error)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(|error| unusable("read", directory, &error))?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn resolved(given: Option<&str>, variables: &[(&str, &str)]) -> String {
        let look = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let directory = StateDir::resolve(given.map(Path::new), &look).unwrap();
        directory.path().display().to_string()
    }

    #[test]
    fn the_flag_wins_over_xdg_and_xdg_over_home() {
        let both = [("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(resolved(Some("/s"), &both), "/s");
        assert_eq!(resolved(None, &both), "/x/pgmig");
        assert_eq!(
            resolved(None, &[("XDG_STATE_HOME", "relative"), ("HOME", "/h")]),
            "/h/.local/state/pgmig"
        );
        assert!(StateDir::resolve(None, &|_| None).is_err());
    }

    fn place(root: &tempfile::TempDir) -> Place {
        StateDir(root.path().join("state"))
            .place("db:5432", "m1")
            .unwrap()
    }

    #[test]
    fn a_database_is_held_by_one_at_a_time_and_looking_does_not_hold_it() {
        let root = tempfile::tempdir().unwrap();
        let place = place(&root);
        assert!(!place.is_held("shop"));
        let held = place.hold("shop").unwrap();
        assert!(held.is_some());
        assert!(place.is_held("shop"));
        assert!(!place.is_held("other"));
        assert!(place.hold("shop").unwrap().is_none());
        drop(held);
        assert!(!place.is_held("shop"));
        assert!(place.hold("shop").unwrap().is_some());
    }

    #[test]
    fn nobody_else_can_read_what_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let place = place(&root);
        place.create().unwrap();
        let file = place.write_passfile("source", "*:*:*:*:x\n").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        assert_eq!(mode(&place.directory), 0o700);
        assert_eq!(mode(&root.path().join("state")), 0o700);
        place.remove_passfiles().unwrap();
        assert!(!file.exists());
        place.remove_passfiles().unwrap();
    }

    #[test]
    fn journals_are_found_and_other_files_are_not() {
        let root = tempfile::tempdir().unwrap();
        let state = StateDir(root.path().join("state"));
        assert!(state.places().unwrap().is_empty());
        for (target, name) in [("a:1", "m2"), ("a:1", "m1"), ("b:1", "m1")] {
            let place = state.place(target, name).unwrap();
            place.create().unwrap();
            fs::write(place.journal(), "").unwrap();
            drop(place.hold("shop").unwrap());
        }
        let places = state.places().unwrap();
        assert_eq!(places.len(), 3);
        assert!(places.iter().all(|place| place.journal().exists()));
    }
}
