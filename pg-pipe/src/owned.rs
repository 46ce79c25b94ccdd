//! Files that are for their owner's eyes: what tools write down may hold rows, names and
//! addresses of servers, and whoever runs them may have any umask.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;

/// Options for a file that, if it has to be made, is readable by its owner only. One that is
/// there keeps its mode.
pub fn file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}
