//! The cases, as the files `tests/fixtures/agreement/*.cases` have them: a line is a word
//! and what follows it.
//!
//! - `case` begins one, with its name; `conninfo` is the connection string;
//! - `env NAME=VALUE` is a variable; `file MODE PATH` a file of the home directory, with its
//!   lines after `| `, after `|- ` without line end, after `|^ ` with the end that Windows has;
//!   `copy MODE PATH FROM…` joins files;
//! - `needs psql N`, `needs server N`, `needs ipv6` and `needs socket` (where the client has
//!   its default one) say without what it is left out;
//! - `connects SERVER tls|plain` and `as USER/DATABASE`, or `fails CLASS|… FRAGMENT`: what
//!   both do, with the class that is ours and a fragment of what psql says;
//! - `psql …` and `ours …` with the same words where both differ, and `because` why.

/// What happens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// A session on one of the servers.
    Connects {
        /// Name of the server.
        server: String,
        /// Whether it has TLS.
        tls: bool,
    },
    /// No session.
    Fails {
        /// What our class may be; empty for psql.
        classes: Vec<String>,
        /// What stands in the message.
        fragment: String,
    },
}

/// A file of the home directory.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Its mode.
    pub(super) mode: u32,
    /// Its path below the home directory.
    pub(super) path: String,
    /// What is in it.
    pub(super) text: String,
    /// Files whose contents it has instead.
    pub(super) from: Vec<String>,
}

/// A connection string with all that belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) conninfo: String,
    pub(super) environment: Vec<(String, String)>,
    pub(super) files: Vec<File>,
    pub(super) needs: Vec<String>,
    pub(super) psql: Outcome,
    pub(super) ours: Outcome,
    /// User and database of the session, with a slash between them.
    pub(super) session: Option<String>,
    pub(super) because: String,
}

impl Case {
    fn named(name: &str) -> Self {
        let nothing = Outcome::Fails {
            classes: Vec::new(),
            fragment: String::new(),
        };
        Self {
            name: name.to_owned(),
            conninfo: String::new(),
            environment: Vec::new(),
            files: Vec::new(),
            needs: Vec::new(),
            psql: nothing.clone(),
            ours: nothing,
            session: None,
            because: String::new(),
        }
    }

    fn take_line(&mut self, line: &str, end: &str) {
        let file = self.files.last_mut().expect("a file first");
        file.text.push_str(line);
        file.text.push_str(end);
    }

    fn take(&mut self, word: &str, rest: &str) {
        match word {
            "conninfo" => rest.clone_into(&mut self.conninfo),
            "env" => {
                let (name, value) = rest.split_once('=').expect("env NAME=VALUE");
                self.environment.push((name.to_owned(), value.to_owned()));
            }
            "file" | "copy" => self.files.push(file(rest)),
            "|" => self.take_line(rest, "\n"),
            "|-" => self.take_line(rest, ""),
            "|^" => self.take_line(rest, "\r\n"),
            "needs" => self.needs.push(rest.to_owned()),
            "connects" | "fails" => {
                self.psql = outcome(word, rest);
                self.ours = self.psql.clone();
            }
            // Only ours has classes.
            "psql" => {
                let rest = rest.replacen("fails ", "fails psql ", 1);
                self.psql = with_words(&rest, outcome);
            }
            "ours" => self.ours = with_words(rest, outcome),
            "as" => self.session = Some(rest.to_owned()),
            "because" => rest.clone_into(&mut self.because),
            other => panic!("case {}: what is {other:?}?", self.name),
        }
    }
}

/// The cases of a file.
pub(super) fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "case" {
            cases.push(Case::named(rest));
        } else {
            cases.last_mut().expect("a case first").take(word, rest);
        }
    }
    cases
}

fn with_words<T>(text: &str, take: impl FnOnce(&str, &str) -> T) -> T {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    take(word, rest)
}

fn outcome(word: &str, rest: &str) -> Outcome {
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    match word {
        "connects" => Outcome::Connects {
            server: first.to_owned(),
            tls: second == "tls",
        },
        "fails" => Outcome::Fails {
            classes: first.split('|').map(str::to_owned).collect(),
            fragment: second.to_owned(),
        },
        other => panic!("{other:?} is no outcome"),
    }
}

/// `MODE PATH`, and for copies what is copied.
fn file(rest: &str) -> File {
    let mut words = rest.split(' ');
    let mode = words.next().unwrap_or_default();
    File {
        mode: u32::from_str_radix(mode, 8).expect("an octal mode"),
        path: words.next().expect("a path").to_owned(),
        text: String::new(),
        from: words.map(str::to_owned).collect(),
    }
}

/// What comes of a cell of [`MATRIX`].
const TLS: &str = "connects good tls";
const PLAIN: &str = "connects good plain";
const WRONG: &str = "fails tls certificate verify failed";
const MISSING: &str = "fails tls does not exist";
const NO_TLS: &str = "fails tls server does not support SSL";
const ALONE: &str = "connects plain plain";

/// A value of sslmode; what comes of it on a server with TLS with each of [`ROOTS`]; what
/// comes of it on a server without, with the right root certificate.
const MATRIX: [(&str, [&str; 4], &str); 6] = [
    ("disable", [PLAIN, PLAIN, PLAIN, PLAIN], ALONE),
    ("allow", [PLAIN, PLAIN, PLAIN, PLAIN], ALONE),
    // TLS that fails is no TLS to prefer.
    ("prefer", [TLS, TLS, PLAIN, TLS], ALONE),
    ("require", [TLS, TLS, WRONG, TLS], NO_TLS),
    ("verify-ca", [MISSING, TLS, WRONG, MISSING], NO_TLS),
    ("verify-full", [MISSING, TLS, WRONG, MISSING], NO_TLS),
];

/// Names and parameters of root certificates.
const ROOTS: [(&str, &str); 4] = [
    ("no root certificate", ""),
    ("the right root certificate", " sslrootcert={pki}/ca.crt"),
    ("a wrong root certificate", " sslrootcert={pki}/other.crt"),
    (
        "a root certificate that is not there",
        " sslrootcert={home}/no.crt",
    ),
];

/// Each sslmode with each sslrootcert.
pub(super) fn matrix() -> Vec<Case> {
    let case = |name: String, conninfo: String, outcome: &str| {
        let mut case = Case::named(&name);
        case.conninfo = conninfo;
        with_words(outcome, |word, rest| case.take(word, rest));
        case
    };
    let mut cases = Vec::new();
    for (mode, cells, without) in MATRIX {
        for ((root, parameter), outcome) in ROOTS.into_iter().zip(cells) {
            let conninfo = format!("{{to good}} user=trusted sslmode={mode}{parameter}");
            cases.push(case(format!("{mode} with {root}"), conninfo, outcome));
        }
        let right = ROOTS[1].1;
        let conninfo = format!("{{to plain}} user=trusted sslmode={mode}{right}");
        cases.push(case(
            format!("{mode} on a server without TLS"),
            conninfo,
            without,
        ));
    }
    cases
}
