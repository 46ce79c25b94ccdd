//! The locales that a server's system has.

use crate::error::Error;
use crate::session::Session;

const LOCALES: &str = include_str!("sql/locale_list.sql");

/// Up to ten locales that a database of an encoding can have, those of the language of `wanted`
/// first.
///
/// # Errors
/// What the server says.
pub fn list_locales(
    session: &mut Session,
    wanted: &str,
    encoding: &str,
) -> Result<Vec<String>, Error> {
    let rows = session.query(LOCALES, &[&wanted, &encoding])?;
    Ok(rows.iter().map(|row| row.get("name")).collect())
}
