//! One database a test, dropped after it.

use std::sync::atomic::{AtomicU32, Ordering};

use postgres::{Client, SimpleQueryMessage};

use crate::cluster::Cluster;

/// Everything a tool could have done to a database, in one text: relations with their
/// files and sizes, and whatever else has an entry in a catalog.
const FINGERPRINT: &str = "
    select 'relation', n.nspname || '.' || c.relname, c.oid::text, c.relfilenode::text,
           pg_catalog.pg_relation_size(c.oid)::text
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_(catalog|toast|temp)' and n.nspname <> 'information_schema'
    union all select 'schema', nspname, oid::text, '', '' from pg_catalog.pg_namespace
                     where nspname !~ '^pg_(toast_)?temp'
    union all select 'function', proname, oid::text, '', '' from pg_catalog.pg_proc where oid >= 16384
    union all select 'type', typname, oid::text, '', '' from pg_catalog.pg_type where oid >= 16384
    union all select 'extension', extname, oid::text, '', '' from pg_catalog.pg_extension
    union all select 'large object', oid::text, '', '', '' from pg_catalog.pg_largeobject_metadata
    union all select 'publication', pubname, oid::text, '', '' from pg_catalog.pg_publication
    union all select 'grants', datname, coalesce(datacl::text, ''), '',
                     coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '')
              from pg_catalog.pg_database where datname like $$NAME%$$
    order by 1, 2, 3";

/// A database of one test.
#[derive(Debug)]
pub struct Database {
    /// The server.
    pub cluster: &'static Cluster,
    /// Its name.
    pub name: String,
}

impl Database {
    /// Makes an empty database with a name of its own.
    pub fn create(cluster: &'static Cluster, stem: &str) -> Self {
        Self::reserve(cluster, stem).made()
    }

    /// Makes an empty database of an encoding that goes with every locale.
    pub fn encoded(cluster: &'static Cluster, stem: &str, encoding: &str) -> Self {
        let database = Self::reserve(cluster, stem);
        let name = identifier(&database.name);
        cluster
            .connect("postgres")
            .batch_execute(&format!(
                "create database {name} template template0 encoding '{encoding}' \
                 lc_collate 'C' lc_ctype 'C'"
            ))
            .expect("a database can be created");
        database
    }

    /// Makes an empty database of the same name on another server.
    #[must_use]
    pub fn twin(&self, cluster: &'static Cluster) -> Self {
        let name = self.name.clone();
        Self { cluster, name }.made()
    }

    /// The same database on a standby of its server.
    #[must_use]
    pub fn seen_on(&self, standby: &'static Cluster) -> Self {
        Self {
            cluster: standby,
            name: self.name.clone(),
        }
    }

    fn made(self) -> Self {
        let sql = format!(
            "create database {} template template0",
            identifier(&self.name)
        );
        self.cluster
            .connect("postgres")
            .batch_execute(&sql)
            .expect("a database can be created");
        self
    }

    /// A name of its own, for a database that a tool is going to make.
    pub fn reserve(cluster: &'static Cluster, stem: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            cluster,
            name: format!("{stem}_{number}"),
        }
    }

    /// Makes a database and runs a script in it.
    #[must_use]
    pub fn with(self, sql: &str) -> Self {
        self.run(sql);
        self
    }

    /// Connection string through the socket, as superuser, without password.
    pub fn conninfo(&self) -> String {
        self.cluster.conninfo(&self.name)
    }

    /// Connection string through TCP, as a user who needs a password.
    pub fn tcp_conninfo(&self) -> String {
        self.cluster.tcp_conninfo(&self.name)
    }

    /// Connects.
    pub fn connect(&self) -> Client {
        self.cluster.connect(&self.name)
    }

    /// Runs a script.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        if let Err(error) = self.connect().batch_execute(sql) {
            let why = error.as_db_error().map_or_else(
                || error.to_string(),
                |refused| {
                    format!(
                        "{refused} ({:?}, {:?})",
                        refused.position(),
                        refused.where_()
                    )
                },
            );
            panic!("{} refused the script: {why}", self.name);
        }
    }

    /// The rows of a query, columns joined by `|`.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> Vec<String> {
        let answer = self.connect().simple_query(sql);
        answer
            .unwrap_or_else(|error| panic!("{} refused {sql}: {error}", self.name))
            .into_iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            })
            .map(|row| {
                (0..row.len())
                    .map(|column| row.get(column).unwrap_or_default())
                    .collect::<Vec<_>>()
                    .join("|")
            })
            .collect()
    }

    /// The one value of a query.
    #[track_caller]
    pub fn ask_one(&self, sql: &str) -> String {
        let rows = self.ask(sql);
        match rows.as_slice() {
            [row] => row.clone(),
            rows => panic!("expected one row of {sql}, got {rows:?}"),
        }
    }

    /// What is there: equal before and after means untouched.
    pub fn fingerprint(&self) -> Vec<String> {
        self.ask(&FINGERPRINT.replace("NAME", &self.name))
    }

    /// Whether a database of this name exists.
    pub fn exists(&self) -> bool {
        let sql = "select 1 from pg_catalog.pg_database where datname = $1";
        self.cluster
            .connect("postgres")
            .query_opt(sql, &[&self.name])
            .is_ok_and(|row| row.is_some())
    }

    /// Drops it, and what a migration made beside it, so that only its name is left.
    pub fn drop_now(&self) {
        let mut client = self.cluster.connect("postgres");
        let sql = "select datname from pg_catalog.pg_database \
                   where datname = $1 or left(datname, length($1 || '__pgmig_')) = $1 || '__pgmig_'";
        for row in client.query(sql, &[&self.name]).unwrap_or_default() {
            let name: String = row.get(0);
            // A session that is still there keeps it; the server goes soon anyway.
            drop(client.execute(
                "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity \
                 where datname = $1",
                &[&name],
            ));
            drop(client.batch_execute(&format!("drop database if exists {}", identifier(&name))));
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.drop_now();
    }
}

/// A name as SQL takes it.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Side;
    use crate::majors::Majors;

    #[test]
    fn a_fingerprint_tells_that_something_was_touched() {
        let database = Database::create(Cluster::of(Majors::newest(), Side::Target), "print");
        let before = database.fingerprint();
        assert_eq!(before, database.fingerprint());
        database.run("create table t (a integer)");
        let after = database.fingerprint();
        assert_ne!(before, after);
        database.run("insert into t values (1)");
        assert_ne!(after, database.fingerprint());
    }

    #[test]
    fn a_database_is_dropped_after_its_test() {
        let cluster = Cluster::of(Majors::newest(), Side::Target);
        let database = Database::create(cluster, "Odd 'name\"");
        let name = database.name.clone();
        assert!(database.exists());
        drop(database);
        let gone = Database { cluster, name };
        assert!(!gone.exists());
    }
}
