//! How we may prove who we are: `require_auth`, and no password in the clear over a network
//! unless it was asked for.

use crate::endpoint::Endpoint;
use crate::error::{Class, Error};

/// What a server can ask for (manual, «Message Formats», Authentication…), as `require_auth`
/// calls it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Method {
    /// Nothing: trust, peer, a client certificate.
    None,
    /// The password itself.
    Password,
    /// Its MD5 hash.
    Md5,
    /// Kerberos and its kin.
    Gss,
    /// Windows' own.
    Sspi,
    /// SCRAM.
    Scram,
    /// A bearer token.
    Oauth,
}

impl Method {
    const ALL: [(Self, &'static str); 7] = [
        (Self::None, "none"),
        (Self::Password, "password"),
        (Self::Md5, "md5"),
        (Self::Gss, "gss"),
        (Self::Sspi, "sspi"),
        (Self::Scram, "scram-sha-256"),
        (Self::Oauth, "oauth"),
    ];

    /// As `require_auth` calls it.
    pub(crate) fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(method, _)| *method == self);
        found.map_or("", |(_, word)| word)
    }
}

/// What may be answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// The methods of `require_auth`, and whether they are those forbidden.
    listed: Option<(Vec<Method>, bool)>,
    /// Whether a channel may be bound.
    pub(crate) binds: bool,
}

impl Policy {
    /// The policy of an endpoint.
    ///
    /// # Errors
    /// [`Class::Conninfo`] when `require_auth` has a word that is no method, or mixes those
    /// wanted with those forbidden.
    pub(crate) fn of(endpoint: &Endpoint) -> Result<Self, Error> {
        let list = endpoint.parameter("require_auth");
        Ok(Self {
            listed: list.map(parse).transpose()?,
            binds: endpoint.parameter("channel_binding") != Some("disable"),
        })
    }

    /// Whether a method may be used.
    ///
    /// # Errors
    /// [`Class::Authentication`], with what to change, when not.
    pub(crate) fn check(&self, method: Method, encrypted: bool) -> Result<(), Error> {
        let word = method.as_str();
        if matches!(method, Method::Gss | Method::Sspi | Method::Oauth) {
            return Err(refused(format!(
                "the server asks for {word} authentication, which is not supported"
            ))
            .with_hint("Have pg_hba.conf ask this user for scram-sha-256, cert or peer."));
        }
        let allowed = match &self.listed {
            None => true,
            Some((methods, forbidden)) => methods.contains(&method) != *forbidden,
        };
        if !allowed {
            return Err(refused(format!(
                "the server asks for authentication {word:?}, which require_auth does not allow"
            ))
            .with_hint("Correct require_auth, or the line of pg_hba.conf for this user."));
        }
        let asked = matches!(&self.listed, Some((methods, false)) if methods.contains(&method));
        if method == Method::Password && !encrypted && !asked {
            return Err(
                refused("the server asks for the password in the clear, and without TLS")
                    .with_hint(
                        "Use sslmode=require, or have pg_hba.conf ask for scram-sha-256; \
                     require_auth=password sends it all the same.",
                    ),
            );
        }
        Ok(())
    }
}

/// A list that is empty allows nothing.
fn parse(list: &str) -> Result<(Vec<Method>, bool), Error> {
    if list.is_empty() {
        return Ok((Vec::new(), false));
    }
    let wrong = |what: String| {
        Error::new(Class::Conninfo, what).with_hint(
            "require_auth is a list of none, password, md5, gss, sspi and scram-sha-256; all of \
             them with an exclamation mark in front, or none.",
        )
    };
    let forbidden = list.starts_with('!');
    let mut methods = Vec::new();
    for word in list.split(',') {
        let bare = word.strip_prefix('!');
        if bare.is_some() != forbidden {
            return Err(wrong(
                "require_auth mixes methods that are wanted and forbidden".to_owned(),
            ));
        }
        let word = bare.unwrap_or(word);
        let found = Method::ALL.iter().find(|(_, name)| *name == word);
        let (method, _) = found.ok_or_else(|| wrong(format!("require_auth cannot be {word:?}")))?;
        if methods.contains(method) {
            return Err(wrong(format!("require_auth has {word:?} twice")));
        }
        methods.push(*method);
    }
    Ok((methods, forbidden))
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(Class::Authentication, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Role;

    fn policy(parameters: &str) -> Result<Policy, Error> {
        let text = format!("user=u {parameters}");
        Policy::of(&Endpoint::resolve(Role::Source, Some(&text), &|_| None).unwrap())
    }

    #[test]
    fn a_list_says_what_may_be_used_or_what_not() {
        let wanted = policy("require_auth=scram-sha-256,md5").unwrap();
        assert!(wanted.check(Method::Md5, false).is_ok());
        assert!(wanted.check(Method::None, true).is_err());
        let forbidden = policy("require_auth=!md5,!password").unwrap();
        assert!(forbidden.check(Method::Md5, true).is_err());
        assert!(forbidden.check(Method::Scram, false).is_ok());
        for wrong in ["magic", "md5,!none", "md5,md5"] {
            assert!(policy(&format!("require_auth={wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_goes_in_the_clear_only_when_that_was_asked_for() {
        let usual = policy("").unwrap();
        assert!(usual.check(Method::Password, false).is_err());
        assert!(usual.check(Method::Password, true).is_ok());
        let asked = policy("require_auth=password").unwrap();
        assert!(asked.check(Method::Password, false).is_ok());
        let negated = policy("require_auth=!md5").unwrap();
        assert!(negated.check(Method::Password, false).is_err());
    }
}
