//! File systems of their own that can be full.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cluster::guarded;

/// Mounts, says «ready», waits for the end of stdin, and unmounts, also what somebody still uses; but a
/// server whose data directory lies there goes first, since it is stopped by what is in a file there.
const GUARD: &str = r#"
trap '' INT TERM HUP
mount -t tmpfs -o "$2" tmpfs "$1" 2>/dev/null || exit 1
echo ready
read -r _
for _ in $(seq 100); do [ -e "$1/data/postmaster.pid" ] || break; sleep 0.1; done
umount -l "$1" && rmdir "$1"
"#;

/// A small file system; unmounted when dropped, and when the test process ends.
#[derive(Debug)]
pub struct Disk {
    at: PathBuf,
    bytes: u64,
    guard: Child,
}

impl Disk {
    /// A new one of so many bytes, whose owner is that of the directory in which it is made.
    /// `None` where nothing can be mounted: without root, or in most containers.
    pub fn mounted(at: &Path, bytes: u64) -> Option<Self> {
        let owner = at.parent().and_then(|above| above.metadata().ok())?;
        fs::create_dir(at).expect("the directory above is ours");
        let (user, group) = (owner.uid(), owner.gid());
        let options = format!("size={bytes},mode=0700,uid={user},gid={group}");
        let words: [&OsStr; 2] = [at.as_ref(), options.as_ref()];
        let Some(guard) = guarded("", GUARD, &words) else {
            drop(fs::remove_dir(at));
            return None;
        };
        Some(Self {
            at: at.to_owned(),
            bytes,
            guard,
        })
    }

    /// Where it is.
    pub fn at(&self) -> &Path {
        &self.at
    }

    /// Makes it larger or smaller; false when more is used.
    pub fn resize(&self, bytes: u64) -> bool {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,size={bytes}")])
            .arg(&self.at)
            .stderr(Stdio::null())
            .status();
        done.is_ok_and(|done| done.success())
    }

    /// Leaves no room but for what is there.
    pub fn fill(&self) {
        // Whoever writes meanwhile makes what was measured too little.
        for _ in 0..20 {
            if self.resize(self.used().max(4096)) {
                return;
            }
        }
    }

    /// Gives it back the room that it had.
    pub fn clear(&self) {
        assert!(self.resize(self.bytes), "a disk can be made larger");
    }

    fn used(&self) -> u64 {
        let df = Command::new("df")
            .args(["-B1", "--output=used"])
            .arg(&self.at)
            .output();
        let text = df.map(|df| String::from_utf8_lossy(&df.stdout).into_owned());
        let last = text
            .ok()
            .and_then(|text| text.lines().last()?.trim().parse().ok());
        last.unwrap_or_default()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The guard sees the end of its stdin.
        drop(self.guard.stdin.take());
        drop(self.guard.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_until_it_is_cleared() {
        let dir = tempfile::TempDir::new().unwrap();
        let at = dir.path().join("disk");
        let Some(disk) = Disk::mounted(&at, 1 << 20) else {
            return;
        };
        let file = at.join("file");
        fs::write(&file, vec![1; 100_000]).unwrap();
        disk.fill();
        assert!(fs::write(at.join("more"), vec![1; 100_000]).is_err());
        disk.clear();
        fs::write(at.join("more"), vec![1; 100_000]).unwrap();
        drop(disk);
        assert!(!at.exists());
    }
}
