//! Password files in libpq's format: `host:port:database:user:password`, one a line.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::secret::Secret;

/// What a line is matched against.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Host name or socket directory.
    pub host: &'a str,
    /// Another name of it: `localhost` for a default socket directory, as libpq has it.
    pub alias: &'a str,
    /// Port as text.
    pub port: &'a str,
    /// Database.
    pub database: &'a str,
    /// User.
    pub user: &'a str,
}

/// Looks a password up. A file that is missing, or that others can read, has none; libpq
/// ignores the latter with a warning (manual, «The Password File»).
pub fn look_up(file: &Path, wanted: Wanted<'_>) -> Option<Secret> {
    let metadata = fs::metadata(file).ok()?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o077 != 0 {
        return None;
    }
    // A comment in another encoding must not hide the rest.
    let bytes = fs::read(file).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let by_alias = Wanted {
        host: wanted.alias,
        ..wanted
    };
    // Which directory is the default one, called `localhost`, differs between builds of libpq.
    find(&text, by_alias).or_else(|| find(&text, wanted))
}

/// Whether a file is there and others can read it, so that it is ignored.
pub fn is_ignored(file: &Path) -> bool {
    fs::metadata(file)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0)
}

/// The password of the first line that matches.
pub(crate) fn find(text: &str, wanted: Wanted<'_>) -> Option<Secret> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let fields = fields(line);
            let [host, port, database, user, password] = fields.as_slice() else {
                return None;
            };
            let all = matches(host, wanted.host)
                && matches(port, wanted.port)
                && matches(database, wanted.database)
                && matches(user, wanted.user);
            let end = colon(password).unwrap_or(password.len());
            all.then(|| Secret::new(unescaped(password.get(..end).unwrap_or(password))))
        })
}

/// One line of a password file.
pub fn line(wanted: Wanted<'_>, password: &Secret) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
    format!(
        "{}:{}:{}:{}:{}\n",
        escaped(wanted.host),
        escaped(wanted.port),
        escaped(wanted.database),
        escaped(wanted.user),
        escaped(password.expose())
    )
}

fn matches(field: &str, wanted: &str) -> bool {
    field == "*" || unescaped(field) == wanted
}

/// Fields with their escapes; the fifth is the rest of the line.
fn fields(line: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = line;
    while fields.len() < 4 {
        let Some(end) = colon(rest) else { break };
        fields.push(rest.get(..end).unwrap_or_default());
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    fields.push(rest);
    fields
}

/// Where the next colon without a backslash stands.
fn colon(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let found = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        found.then_some(at)
    })
}

fn unescaped(field: &str) -> String {
    let mut text = String::new();
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            text.extend(chars.next());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted<'_> = Wanted {
        host: "db:1",
        alias: "db:1",
        port: "5432",
        database: "shop",
        user: "me",
    };

    #[test]
    fn the_first_line_that_matches_counts_and_escapes_hold() {
        let text = "# note\nother:*:*:*:no\ndb\\:1:5432:*:me:pa\\:ss\\\\\n*:*:*:*:later\n";
        assert_eq!(find(text, WANTED), Some(Secret::new("pa:ss\\")));
        assert_eq!(find("db:*:*:*:no\n", WANTED), None);
        // libpq ends a password at a colon that is not escaped.
        let cut = find("*:*:*:*:pa:ss\n", WANTED);
        assert_eq!(cut, Some(Secret::new("pa")));
    }

    #[test]
    fn a_written_line_is_found_again() {
        let secret = Secret::new("a:b\\c");
        assert_eq!(find(&line(WANTED, &secret), WANTED), Some(secret));
    }

    #[test]
    fn a_file_that_others_can_read_is_ignored() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "*:*:*:*:x\n").unwrap();
        let allow = |mode| fs::set_permissions(file.path(), fs::Permissions::from_mode(mode));
        allow(0o644).unwrap();
        assert_eq!(look_up(file.path(), WANTED), None);
        assert!(is_ignored(file.path()));
        allow(0o600).unwrap();
        assert_eq!(look_up(file.path(), WANTED), Some(Secret::new("x")));
    }
}
