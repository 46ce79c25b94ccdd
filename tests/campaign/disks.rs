//! Disks that can be full: file systems in memory, each with room for all that a round needs.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use pg_e2e::{Cluster, Disk};
use tempfile::TempDir;

/// Room on each; nothing takes it before it is written to.
const ROOM: u64 = 4 << 30;
/// Room for the target's data, of which a large database is loaded, and its checkpoints are few.
const ROOM_OF_DATA: u64 = 8 << 30;

/// The file systems; without root there are none. Those below a server stay as long as the process
/// does, as the server itself.
pub(crate) struct Disks {
    /// A tablespace of the target.
    pub(crate) tablespace: &'static Disk,
    /// All of the target but that tablespace and its WAL.
    pub(crate) data: &'static Disk,
    /// The target's WAL.
    pub(crate) wal: &'static Disk,
    /// Journals.
    pub(crate) journal: Disk,
    /// Temporary files.
    pub(crate) temporary: Disk,
}

impl Disks {
    /// Mounts them, and moves the target there; `None` where nothing can be mounted.
    pub(crate) fn mounted(source: &Cluster, target: &Cluster, dir: &TempDir) -> Option<Self> {
        let home = target.home();
        let below = |name: &str, room: u64| Disk::mounted(&home.join(name), room);
        let disks = Self {
            tablespace: leaked(below("disk", ROOM)?),
            data: leaked(below("room", ROOM_OF_DATA)?),
            wal: leaked(below("wal", ROOM)?),
            journal: Disk::mounted(&dir.path().join("journal"), ROOM)?,
            temporary: Disk::mounted(&dir.path().join("temporary"), ROOM)?,
        };
        target.signal("INT");
        while target.is_running() {
            thread::sleep(Duration::from_millis(20));
        }
        let data = home.join("data");
        moved(&data.join("pg_wal"), disks.wal.at());
        moved(&data, disks.data.at());
        target.start_again();
        disks.make_tablespace(source, target);
        Some(disks)
    }

    /// On the source it lies in an ordinary directory.
    fn make_tablespace(&self, source: &Cluster, target: &Cluster) {
        let plain = source.home().join("disk");
        fs::create_dir(&plain).expect("the directory is ours");
        given(&plain, source.home());
        for (cluster, place) in [(source, plain.as_path()), (target, self.tablespace.at())] {
            let sql = format!(
                "create tablespace campaign_disk location '{}'",
                place.display()
            );
            cluster
                .connect("postgres")
                .batch_execute(&sql)
                .expect("the directory is the server's");
        }
    }
}

fn leaked(disk: Disk) -> &'static Disk {
    Box::leak(Box::new(disk))
}

/// Moves a directory to another file system, and leaves a link to it.
fn moved(directory: &Path, to: &Path) {
    let new = to.join(directory.file_name().unwrap_or_default());
    let done = Command::new("mv").arg(directory).arg(&new).status();
    assert!(
        done.is_ok_and(|done| done.success()),
        "a server that is shut down can be moved"
    );
    symlink(&new, directory).expect("the directory is ours");
}

/// Gives a directory to the owner of another.
fn given(directory: &Path, owned: &Path) {
    use std::os::unix::fs::MetadataExt;
    let owner = owned.metadata().expect("it is there");
    chown(directory, Some(owner.uid()), Some(owner.gid())).expect("root can give it away");
}
