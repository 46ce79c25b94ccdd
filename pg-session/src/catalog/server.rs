//! A server as our role sees it.

use crate::error::Error;
use crate::session::Session;

const SERVER: &str = include_str!("sql/server_facts.sql");

/// What a server is and what our role may do there, as far as any role may see.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one attribute of the role or the server each"
)]
pub struct ServerFacts {
    /// Our role.
    pub user: String,
    /// The database that we are connected to.
    pub database: String,
    /// Encoding of that database.
    pub encoding: String,
    /// Whether we may create databases.
    pub create_db: bool,
    /// Whether we may create roles.
    pub create_role: bool,
    /// Whether we may create schemas in this database.
    pub create_here: bool,
    /// Whether transactions are read-only by the server's own settings.
    pub read_only: bool,
    /// When the server was started: tells one server from another.
    pub started: String,
    /// `max_connections` of the server.
    pub max_connections: i64,
    /// Connections that are free for us.
    pub free_connections: i64,
}

/// Reads them.
///
/// # Errors
/// What the server says.
pub fn read_server(session: &mut Session) -> Result<ServerFacts, Error> {
    let row = session.query_one(SERVER, &[])?;
    Ok(ServerFacts {
        user: row.get("user_name"),
        database: row.get("database"),
        encoding: session.facts().encoding.clone(),
        create_db: row.get("create_db"),
        create_role: row.get("create_role"),
        create_here: row.get("create_here"),
        read_only: row.get("read_only"),
        started: row.get("started"),
        max_connections: row.get("max_connections"),
        free_connections: row.get("free_connections"),
    })
}
