//! Whether the state directory is one that nobody else can write to, as OpenSSH wants it of the
//! directory of its keys. Who can put a journal there says which databases `cancel` drops and
//! `finish` renames; who can put a password file there says which password is sent where.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pg_pipe::Failure;

use crate::store::unusable;

/// Write permission of the group and of all others.
const OF_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// What is wrong with a directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flaw {
    /// It belongs to another user than us and root.
    OfSomebodyElse,
    /// Others can write to it.
    Open,
    /// Others can write to it, as it is meant for all: /tmp, for one.
    Shared,
}

impl Flaw {
    fn of(owner: u32, mode: u32, us: u32) -> Option<Self> {
        if mode & OF_OTHERS != 0 && mode & STICKY != 0 {
            Some(Self::Shared)
        } else if owner != us && owner != 0 {
            Some(Self::OfSomebodyElse)
        } else if mode & OF_OTHERS != 0 {
            Some(Self::Open)
        } else {
            None
        }
    }
}

/// Looks at a directory of ours; one that is not there has nothing wrong with it.
///
/// # Errors
/// A usage failure when others can write to it or it is somebody else's, with the command that
/// mends it.
pub(crate) fn check(directory: &Path) -> Result<(), Failure> {
    let metadata = match fs::metadata(directory) {
        Ok(metadata) if !metadata.is_dir() => return Ok(()),
        Ok(metadata) => metadata,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(());
        }
        Err(error) => return Err(unusable("look at", directory, &error)),
    };
    let us = rustix::process::geteuid().as_raw();
    let owner = metadata.uid();
    let shown = directory.display();
    match Flaw::of(owner, metadata.mode(), us) {
        None => Ok(()),
        Some(Flaw::OfSomebodyElse) => Err(Failure::usage(format!(
            "the state directory {shown} belongs to somebody else (user {owner}), who can change what is in it"
        ))
        .hint(format!(
            "Choose another one with --state-dir, or, if you trust what is in it: chown -R {us} {shown}"
        ))),
        Some(Flaw::Open) => Err(Failure::usage(format!(
            "others can write to the state directory {shown}"
        ))
        .hint(format!(
            "If you trust what is in it: chmod go-w {shown}"
        ))),
        Some(Flaw::Shared) => Err(Failure::usage(format!(
            "the state directory {shown} is for all to write to"
        ))
        .hint(format!(
            "Choose one of your own in it: --state-dir {shown}/pgmig"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_ours_or_roots_and_nobody_else_writes_to_it() {
        for (owner, mode, us, flaw) in [
            (1000, 0o40_700, 1000, None),
            (1000, 0o40_755, 1000, None),
            (0, 0o40_755, 1000, None),
            (0, 0o40_700, 0, None),
            (1000, 0o40_775, 1000, Some(Flaw::Open)),
            (1000, 0o40_702, 1000, Some(Flaw::Open)),
            (0, 0o42_770, 1000, Some(Flaw::Open)),
            (0, 0o41_777, 1000, Some(Flaw::Shared)),
            (0, 0o41_777, 0, Some(Flaw::Shared)),
            (1000, 0o41_700, 1000, None),
            (1001, 0o40_700, 1000, Some(Flaw::OfSomebodyElse)),
            (1001, 0o40_777, 1000, Some(Flaw::OfSomebodyElse)),
            // A sudo that keeps HOME.
            (1001, 0o40_700, 0, Some(Flaw::OfSomebodyElse)),
        ] {
            assert_eq!(Flaw::of(owner, mode, us), flaw, "{owner} {mode:o} {us}");
        }
    }

    #[test]
    fn a_directory_is_looked_at_when_it_is_there() {
        let root = tempfile::tempdir().unwrap();
        assert!(check(root.path()).is_ok());
        assert!(check(&root.path().join("not there")).is_ok());
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o770)).unwrap();
        assert!(check(root.path()).is_err());
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(check(root.path()).is_ok());
    }
}
