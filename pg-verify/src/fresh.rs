//! Files that are whole or those of the run before: written beside their place and renamed.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pg_pipe::Failure;
use tempfile::NamedTempFile;

/// A file that is going to be written.
pub(crate) struct Fresh {
    path: PathBuf,
    file: NamedTempFile,
}

impl Fresh {
    /// Makes sure that the file of a flag can be written, and begins it with a mode.
    ///
    /// # Errors
    /// A [`Failure`] (exit 2) when it cannot, or when what is there is no ordinary file: a rename
    /// would put a file in the place of a device, a pipe or a link.
    pub(crate) fn begin(flag: &str, path: &Path, mode: u32) -> Result<Self, Failure> {
        let cannot = |why: &str, hint: &str| {
            Failure::usage(format!("cannot write {}: {why}", path.display()))
                .hint(format!("Give {flag} {hint}."))
        };
        if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
            let hint = "the name of a new file, or of an ordinary one, which is replaced";
            return Err(cannot("it is no ordinary file", hint));
        }
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(directory.unwrap_or(Path::new(".")))
            .map_err(|error| {
                let hint = "a file in a directory that you can write to";
                cannot(&error.to_string(), hint)
            })?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Writes the file, and puts it into its place.
    ///
    /// # Errors
    /// A [`Failure`] (exit 3) when it cannot.
    pub(crate) fn put(
        mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        write(&mut self.file)
            .and_then(|()| self.file.as_file().sync_all())
            .and_then(|()| Ok(self.file.persist(&self.path).map(drop)?))
            .map_err(|error| unwritten(&self.path, &error))
    }
}

/// A file that could not be written, such as on a full disk.
pub(crate) fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::input(format!("cannot write {}: {error}", path.display()))
}
