//! What stands from the first round to the last.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use pg_e2e::cluster::Setup;
use pg_e2e::proxy::Proxy;
use pg_e2e::schema::psql;
use pg_e2e::tool::Stdin;
use pg_e2e::{Cluster, Database, Dice, Majors, workspace};
use tempfile::TempDir;

use crate::disks::Disks;
use crate::round::Round;
use crate::say;

/// The data set of the benchmarks, so many times as large as there, in megabytes about 350 times.
const MIXED: (&str, &str) = ("mixed", "0.1");
const LARGE: (&str, &str) = ("large", "6");

/// Two tables that are always written together, so that two snapshots tell.
const WRITTEN: &str = "
    create schema campaign;
    create table campaign.written (id bigint primary key, note text);
    create table campaign.beside (id bigint primary key references campaign.written, note text);
    insert into campaign.written select n, 'row ' || n from generate_series(1, 100) as n;
    insert into campaign.beside select n, 'row ' || n from generate_series(1, 100) as n;";

/// Tables of the mixed database that lie on the disk which can be full, and an index.
const ON_DISK: &str = "
    alter table log.measurements set tablespace campaign_disk;
    alter table log.clicks set tablespace campaign_disk;
    alter index log.clicks_session_at_idx set tablespace campaign_disk;";
const BULK_ON_DISK: &str = "
    alter table bulk.large set tablespace campaign_disk;
    alter index bulk.large_kind_id_idx set tablespace campaign_disk;";

/// A database that is migrated, and how long that takes when nothing strikes.
pub(crate) struct Set {
    /// The source.
    pub(crate) source: Database,
    /// The target, which is not there between rounds.
    pub(crate) target: Database,
    /// How long a clean migration takes.
    pub(crate) usual: Duration,
}

/// Servers, the network before them, disks and databases.
pub(crate) struct Ground {
    /// Where the data are.
    pub(crate) source: &'static Cluster,
    /// Where they go.
    pub(crate) target: &'static Cluster,
    /// The network before the source.
    pub(crate) to_source: Proxy,
    /// The network before the target.
    pub(crate) to_target: Proxy,
    /// Disks that can be full.
    pub(crate) disks: Option<Disks>,
    /// The library that gives processes another clock.
    pub(crate) clock: Option<PathBuf>,
    /// Held by who restarts a server, and by who wants both of them up.
    pub(crate) steady: Mutex<()>,
    /// Where files of rounds are.
    pub(crate) dir: TempDir,
    sets: BTreeMap<&'static str, Set>,
}

impl Ground {
    /// Starts servers of majors that the dice chooses, the target's not the older one.
    pub(crate) fn start(dice: &mut Dice) -> Self {
        let mut majors: Vec<u32> = Majors::available().keys().copied().collect();
        let from = *dice.choose(&majors).expect("there is a server");
        majors.retain(|major| *major >= from);
        let to = *dice.choose(&majors).expect("there is a server");
        say(&format!("from PostgreSQL {from} to {to}"));
        let (source, target) = (mortal(from), mortal(to));
        let dir = TempDir::new().expect("a temporary directory can be made");
        let disks = Disks::mounted(source, target, &dir);
        let clock = clock();
        if disks.is_none() {
            say("skipped: full disks, since nothing can be mounted here");
        }
        if clock.is_none() {
            say("skipped: clocks that jump, since there is no libfaketime (Debian: faketime)");
        }
        Self {
            to_source: Proxy::before(source),
            to_target: Proxy::before(target),
            source,
            target,
            disks,
            clock,
            steady: Mutex::new(()),
            dir,
            sets: BTreeMap::new(),
        }
    }

    /// The database of a round, which [`Ground::with`] has made.
    pub(crate) fn set(&self, name: &str) -> &Set {
        self.sets.get(name).expect("it was made")
    }

    /// Makes a database, if it is not there yet.
    pub(crate) fn with(&mut self, name: &'static str) -> &Set {
        if !self.sets.contains_key(name) {
            let set = match name {
                "large" => self.mixed_of(LARGE),
                "demo" => self.demo(),
                "mixed" => self.mixed_of(MIXED),
                _ => self.small(),
            };
            self.sets.insert(name, set);
        }
        self.set(name)
    }

    /// Every kind of object, and some rows.
    fn small(&self) -> Set {
        let roles = self
            .source
            .connect("postgres")
            .batch_execute(&read("tests/fixtures/roles.sql"));
        roles.expect("roles can be created");
        let script = read("tests/fixtures/small.sql") + &read("tests/campaign/rows.sql");
        self.made("Small 'Shop'", script, BULK_ON_DISK)
    }

    fn mixed_of(&self, (name, scale): (&str, &str)) -> Set {
        let script = format!(
            "\\set scale {scale}\n{}",
            read("tests/bench/sets/mixed.sql")
        );
        self.made(name, script, ON_DISK)
    }

    fn demo(&self) -> Set {
        self.made("demo", read("tests/demo/demo.sql"), "")
    }

    /// Makes a database, and migrates it once with nothing in the way.
    fn made(&self, name: &str, script: String, on_disk: &str) -> Set {
        say(&format!("making the {name} database"));
        let source = Database::create(self.source, name);
        let ran = psql(&source, Stdin::Bytes(script.into_bytes()));
        assert!(
            !ran.stderr.contains("ERROR:"),
            "{name} does not load\n{ran}"
        );
        if self.disks.is_some() {
            source.run(on_disk);
        }
        source.run(WRITTEN);
        source.run("vacuum (analyze)");
        // What a sequence has taken ahead of its last value is lost by a crash, but not behind a checkpoint.
        source.run("checkpoint");
        let target = Database {
            cluster: self.target,
            name: source.name.clone(),
        };
        let mut set = Set {
            source,
            target,
            usual: Duration::from_mins(1),
        };
        set.usual =
            Round::usual(self, &set).unwrap_or_else(|why| panic!("nothing strikes, and yet {why}"));
        say(&format!(
            "a migration of the {name} database takes {:.1} s",
            set.usual.as_secs_f64()
        ));
        set
    }
}

/// A server of its own, since it is going to die.
fn mortal(major: u32) -> &'static Cluster {
    let setup = Setup {
        conf: "max_wal_size = 4GB",
        ..Setup::default()
    };
    Box::leak(Box::new(Cluster::start(major, setup)))
}

fn read(file: &str) -> String {
    fs::read_to_string(workspace().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Where Debian and Fedora have the library.
fn clock() -> Option<PathBuf> {
    let places = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
    ];
    places
        .iter()
        .map(|place| PathBuf::from(place).join("faketime/libfaketime.so.1"))
        .find(|library| library.is_file())
}
