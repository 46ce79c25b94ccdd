//! TLS with libpq's six modes, by OpenSSL: which certificates are trusted, which is shown, and
//! what a failed handshake means. Knows certificates, not servers.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslMode, SslOptions, SslRef,
    SslVerifyMode, SslVersion,
};
use openssl::x509::X509VerifyResult;
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use openssl::x509::verify::{X509CheckFlags, X509VerifyFlags};

use crate::certificate::{Certificate, is_for};
use crate::endpoint::{Endpoint, environment};
use crate::error::{Class, Error};
use crate::host::Host;
use crate::journey;
use crate::secret::Secret;

// Why a certificate is not accepted: X509_V_ERR_… of OpenSSL's x509_vfy.h.
const UNABLE_TO_GET_CRL: i32 = 3;
const CERT_HAS_EXPIRED: i32 = 10;
const CERT_REVOKED: i32 = 23;
const HOSTNAME_MISMATCH: i32 = 62;
const IP_ADDRESS_MISMATCH: i32 = 64;

/// libpq's six modes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Mode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    /// The mode of an endpoint.
    ///
    /// # Errors
    /// [`Class::Conninfo`] for a mode that is too weak for what else is asked.
    pub(crate) fn of(endpoint: &Endpoint) -> Result<Self, Error> {
        let system = endpoint.parameter("sslrootcert") == Some("system");
        // `sslrootcert=system` means verify-full (libpq 16).
        let default = if system { "verify-full" } else { "prefer" };
        let mode = match endpoint.parameter("sslmode").unwrap_or(default) {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => Self::Prefer,
        };
        if system && mode != Self::VerifyFull {
            return Err(too_weak("sslrootcert=system", "verify-full"));
        }
        let direct = endpoint.parameter("sslnegotiation") == Some("direct");
        if direct && mode < Self::Require {
            return Err(too_weak("sslnegotiation=direct", "require"));
        }
        Ok(mode)
    }
}

fn too_weak(with: &str, at_least: &str) -> Error {
    Error::new(
        Class::Conninfo,
        format!("sslmode is too weak to be used with {with}"),
    )
    .with_hint(format!("Use sslmode={at_least}."))
}

/// What is done in a handshake with one host.
#[derive(Clone)]
pub(crate) struct Connector {
    openssl: SslContext,
    host: Host,
    mode: Mode,
    indicate: bool,
    root: Option<String>,
    shows: bool,
    /// Whether TLS begins without a word before it.
    is_direct: bool,
    /// What was wrong with the server's certificate.
    fault: Arc<Mutex<Option<Fault>>>,
}

/// A certificate that was not accepted.
struct Fault {
    reason: X509VerifyResult,
    certificate: Option<Certificate>,
}

impl Connector {
    /// Prepares a handshake.
    ///
    /// # Errors
    /// [`Class::Tls`] when a file cannot be used, [`Class::Conninfo`] when a name to verify is
    /// missing.
    pub(crate) fn new(endpoint: &Endpoint, host: &Host, mode: Mode) -> Result<Self, Error> {
        let fault = Arc::new(Mutex::new(None));
        let mut builder = SslContext::builder(SslMethod::tls_client()).map_err(failed)?;
        // What a stream that never blocks needs: a write may go on from another buffer.
        builder.set_mode(
            SslMode::AUTO_RETRY
                | SslMode::ENABLE_PARTIAL_WRITE
                | SslMode::ACCEPT_MOVING_WRITE_BUFFER
                | SslMode::RELEASE_BUFFERS,
        );
        builder.set_options(SslOptions::NO_COMPRESSION);
        let root = trust(&mut builder, endpoint, mode)?;
        if root.is_some() {
            let ear = Arc::clone(&fault);
            builder.set_verify_callback(SslVerifyMode::PEER, move |fine, context| {
                if !fine {
                    let mut fault = ear.lock().unwrap_or_else(PoisonError::into_inner);
                    fault.get_or_insert_with(|| Fault {
                        reason: context.error(),
                        certificate: context.current_cert().map(Certificate::read),
                    });
                }
                fine
            });
        } else {
            builder.set_verify(SslVerifyMode::NONE);
        }
        let shows = show_certificate(&mut builder, endpoint)?;
        limit_versions(&mut builder, endpoint)?;
        if endpoint.parameter("sslnegotiation") == Some("direct") {
            builder.set_alpn_protos(b"\x0apostgresql").map_err(failed)?;
        }
        if mode == Mode::VerifyFull && !host.is_named {
            return Err(Error::new(
                Class::Conninfo,
                "host name must be specified for a verified SSL connection",
            )
            .with_hint("Give host=, the name in the server's certificate, beside hostaddr=."));
        }
        Ok(Self {
            openssl: builder.build(),
            host: host.clone(),
            mode,
            indicate: endpoint.parameter("sslsni") != Some("0"),
            root,
            shows,
            is_direct: endpoint.parameter("sslnegotiation") == Some("direct"),
            fault,
        })
    }

    /// The state of a new handshake.
    ///
    /// # Errors
    /// [`Class::Tls`] when OpenSSL takes none of it.
    pub(crate) fn begin(&self) -> Result<Ssl, Error> {
        let mut ssl = Ssl::new(&self.openssl).map_err(failed)?;
        if self.host.name.parse::<IpAddr>().is_ok() {
            // Names of servers are no addresses (RFC 6066, section 3), and OpenSSL does not
            // look at the common name for one: `check` does.
            return Ok(ssl);
        }
        if self.indicate {
            ssl.set_hostname(&self.host.name).map_err(failed)?;
        }
        if self.mode == Mode::VerifyFull {
            let verification = ssl.param_mut();
            verification.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            verification.set_host(&self.host.name).map_err(failed)?;
        }
        Ok(ssl)
    }

    /// What a handshake that succeeded agreed on.
    ///
    /// # Errors
    /// [`Class::Tls`] when the certificate is not for the address that we connect to.
    pub(crate) fn check(&self, ssl: &SslRef) -> Result<journey::Tls, Error> {
        let peer = ssl.peer_certificate();
        let certificate = peer.as_deref().map(Certificate::read).unwrap_or_default();
        if let (Mode::VerifyFull, Ok(address)) = (self.mode, self.host.name.parse::<IpAddr>()) {
            let fits = peer.as_deref().is_some_and(|peer| is_for(peer, address));
            if !fits {
                return Err(self.wrong_name(&certificate));
            }
        }
        Ok(journey::Tls {
            version: ssl.version_str().to_owned(),
            cipher: ssl
                .current_cipher()
                .map(|cipher| cipher.name().to_owned())
                .unwrap_or_default(),
            subject: certificate.subject,
            issuer: certificate.issuer,
            names: certificate.names,
            expires: certificate.expires,
            verified: self.root.is_some(),
        })
    }

    /// Whether we have a certificate of our own to show.
    pub(crate) fn shows_certificate(&self) -> bool {
        self.shows
    }

    /// What a handshake that failed means.
    pub(crate) fn explain(&self, error: openssl::ssl::Error) -> Error {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match &*fault {
            Some(fault) => self.rejected(fault),
            None if self.is_direct => explain(&error)
                .with_hint("A server before 17 does not take sslnegotiation=direct: leave it out."),
            None => explain(&error),
        }
    }

    fn rejected(&self, fault: &Fault) -> Error {
        let certificate = fault.certificate.clone().unwrap_or_default();
        let reason = fault.reason;
        if matches!(reason.as_raw(), HOSTNAME_MISMATCH | IP_ADDRESS_MISMATCH) {
            return self.wrong_name(&certificate);
        }
        let root = self.root.as_deref().unwrap_or_default();
        let hint = match reason.as_raw() {
            CERT_HAS_EXPIRED => format!(
                "The certificate of {} ended on {}: have it renewed, and check this machine's clock.",
                certificate.subject, certificate.expires
            ),
            CERT_REVOKED => {
                "The certificate is on the revocation list of sslcrl: have it renewed.".to_owned()
            }
            UNABLE_TO_GET_CRL => {
                "Give in sslcrl the revocation list of the authority that signed the certificate."
                    .to_owned()
            }
            _ => format!(
                "The certificate was signed by {}, which sslrootcert={root} does not have: give \
                 its root certificate (Amazon RDS: global-bundle.pem; Azure: \
                 sslrootcert=system), or check sslrootcert.",
                certificate.issuer
            ),
        };
        Error::new(
            Class::Tls,
            format!(
                "the server's certificate is not accepted: {}",
                reason.error_string()
            ),
        )
        .with_hint(hint)
    }

    fn wrong_name(&self, certificate: &Certificate) -> Error {
        let names = if certificate.names.is_empty() {
            certificate.subject.clone()
        } else {
            certificate.names.join(", ")
        };
        Error::new(
            Class::Tls,
            format!(
                "the server's certificate is not for {:?} (it is for {names})",
                self.host.name
            ),
        )
        .with_hint(format!(
            "Connect to a name that the certificate is for ({names}), with hostaddr= for the \
             address if need be, or use sslmode=verify-ca, which does not check the name."
        ))
    }
}

/// What a TLS error means when no certificate of the server is to blame.
pub(crate) fn explain(error: &openssl::ssl::Error) -> Error {
    let reasons = error
        .ssl_error()
        .map(ErrorStack::errors)
        .unwrap_or_default();
    let text: Vec<&str> = reasons
        .iter()
        .filter_map(openssl::error::Error::reason)
        .collect();
    let text = text.join("; ");
    let hint = if text.contains("certificate required") || text.contains("handshake failure") {
        "The server may want a client certificate: give sslcert and sslkey."
    } else if text.contains("unknown ca") || text.contains("bad certificate") {
        "The server does not accept our client certificate: check sslcert."
    } else if text.contains("protocol") {
        "No TLS version suits both: check ssl_min_protocol_version here and on the server."
    } else if text.contains("wrong version number") || text.contains("packet length") {
        "What answers there does not speak TLS: check host and port, sslmode and sslnegotiation."
    } else {
        "Check sslmode, and what stands between this machine and the server."
    };
    let message = if text.is_empty() || text.contains("unexpected EOF") {
        "the connection was closed in the TLS handshake".to_owned()
    } else {
        format!("TLS could not be agreed on: {text}")
    };
    Error::new(Class::Tls, message).with_hint(hint)
}

/// Sets what the server's certificate is checked against, and nothing else; gives the name of
/// it. As in libpq the chain is checked in every mode when there is a root certificate.
fn trust(
    builder: &mut SslContextBuilder,
    endpoint: &Endpoint,
    mode: Mode,
) -> Result<Option<String>, Error> {
    let mut store = X509StoreBuilder::new().map_err(failed)?;
    let given = endpoint.parameter("sslrootcert");
    let root = match given {
        Some("system") => {
            store.set_default_paths().map_err(failed)?;
            Some("system".to_owned())
        }
        other => {
            let file = in_home(other, "root.crt").filter(|file| file.exists());
            if let Some(file) = &file {
                store
                    .add_lookup(X509Lookup::file())
                    .and_then(|lookup| lookup.load_cert_file(file, SslFiletype::PEM))
                    .map_err(|error| unreadable("root certificate", file, &error))?;
            }
            file.map(|file| file.display().to_string())
        }
    };
    if root.is_none() && mode >= Mode::VerifyCa {
        let missing = given.filter(|file| !file.is_empty());
        let what = missing.map_or_else(
            || "there is no root certificate to check the server's with".to_owned(),
            |file| format!("root certificate file {file} does not exist"),
        );
        return Err(Error::new(Class::Tls, what).with_hint(
            "Give sslrootcert=FILE, or sslrootcert=system for the platform's certificates.",
        ));
    }
    revocations(&mut store, endpoint)?;
    builder.set_cert_store(store.build());
    Ok(root)
}

/// Loads revocation lists. One that is asked for by name and cannot be read is an error here;
/// libpq goes on without it.
fn revocations(store: &mut X509StoreBuilder, endpoint: &Endpoint) -> Result<(), Error> {
    let named = endpoint
        .parameter("sslcrl")
        .filter(|file| !file.is_empty())
        .map(PathBuf::from);
    let default = in_home(None, "root.crl").filter(|file| file.exists());
    let directory = endpoint
        .parameter("sslcrldir")
        .filter(|directory| !directory.is_empty());
    let file = if directory.is_some() {
        named
    } else {
        named.or(default)
    };
    if let Some(file) = &file {
        store
            .add_lookup(X509Lookup::file())
            .and_then(|lookup| lookup.load_crl_file(file, SslFiletype::PEM))
            .map_err(|error| unreadable("revocation list of sslcrl", file, &error))?;
    }
    if let Some(directory) = directory {
        store
            .add_lookup(X509Lookup::hash_dir())
            .and_then(|lookup| lookup.add_dir(directory, SslFiletype::PEM))
            .map_err(|error| {
                unreadable(
                    "revocation lists of sslcrldir",
                    Path::new(directory),
                    &error,
                )
            })?;
    }
    if file.is_some() || directory.is_some() {
        store
            .set_flags(X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL)
            .map_err(failed)?;
    }
    Ok(())
}

/// Sets the certificate that we show; whether there is one.
fn show_certificate(builder: &mut SslContextBuilder, endpoint: &Endpoint) -> Result<bool, Error> {
    if endpoint.parameter("sslcertmode") == Some("disable") {
        return Ok(false);
    }
    let file = in_home(endpoint.parameter("sslcert"), "postgresql.crt");
    let Some(file) = file.filter(|file| file.exists()) else {
        return Ok(false);
    };
    builder
        .set_certificate_chain_file(&file)
        .map_err(|error| unreadable("client certificate", &file, &error))?;
    let Some(key_file) = in_home(endpoint.parameter("sslkey"), "postgresql.key") else {
        return Ok(false);
    };
    let key = read_key(&key_file, endpoint.key_password())?;
    builder
        .set_private_key(&key)
        .and_then(|()| builder.check_private_key())
        .map_err(|error| {
            Error::new(
                Class::Tls,
                format!(
                    "the key {} is not that of the certificate {}",
                    key_file.display(),
                    file.display()
                ),
            )
            .with_hint("Give in sslkey the key that sslcert was made with.")
            .with_source(error)
        })?;
    Ok(true)
}

/// The connection ended before the server said anything, and we had shown a certificate. With
/// TLS 1.3 it is looked at after our side of the handshake, and the alert may be lost with the
/// connection.
pub(crate) fn hung_up() -> Error {
    Error::new(
        Class::Tls,
        "the connection was closed right after the TLS handshake",
    )
    .with_hint(
        "The server may not accept our client certificate: check sslcert, and the ssl_ca_file of \
         the server.",
    )
}

/// Reads a private key, with libpq's refusal of one that others can read: at most 0600, or
/// 0640 when it is root's.
fn read_key(file: &Path, password: Option<&Secret>) -> Result<PKey<Private>, Error> {
    let metadata = fs::metadata(file).map_err(|error| {
        Error::new(
            Class::Tls,
            format!(
                "there is a client certificate, but no key {}",
                file.display()
            ),
        )
        .with_hint("Give sslkey=FILE.")
        .with_source(error)
    })?;
    let allowed = if metadata.uid() == 0 { 0o640 } else { 0o600 };
    if metadata.permissions().mode() & 0o777 & !allowed != 0 {
        return Err(Error::new(
            Class::Tls,
            format!("private key file {} can be read by others", file.display()),
        )
        .with_hint(format!("Run chmod 600 {}", file.display())));
    }
    let bytes = fs::read(file).map_err(|error| {
        Error::of_io(
            &error,
            format!("cannot read private key {}", file.display()),
        )
        .of_class(Class::Tls)
    })?;
    let password = password.map_or("", Secret::expose);
    PKey::private_key_from_pem_passphrase(&bytes, password.as_bytes())
        .or_else(|error| PKey::private_key_from_der(&bytes).map_err(|_not_der| error))
        .map_err(|error| unreadable("private key", file, &error))
}

fn limit_versions(builder: &mut SslContextBuilder, endpoint: &Endpoint) -> Result<(), Error> {
    let version = |key: &str, default| {
        let word = endpoint.parameter(key).unwrap_or(default);
        match word.to_ascii_lowercase().as_str() {
            "tlsv1" => Some(SslVersion::TLS1),
            "tlsv1.1" => Some(SslVersion::TLS1_1),
            "tlsv1.2" => Some(SslVersion::TLS1_2),
            "tlsv1.3" => Some(SslVersion::TLS1_3),
            _ => None,
        }
    };
    let lowest = version("ssl_min_protocol_version", "TLSv1.2");
    let highest = version("ssl_max_protocol_version", "");
    if let (Some(lowest), Some(highest)) = (lowest, highest)
        && rank(lowest) > rank(highest)
    {
        return Err(Error::new(
            Class::Conninfo,
            "ssl_min_protocol_version is above ssl_max_protocol_version",
        )
        .with_hint("Give a range that has a version in it."));
    }
    builder
        .set_min_proto_version(lowest)
        .and_then(|()| builder.set_max_proto_version(highest))
        .map_err(failed)
}

fn rank(version: SslVersion) -> usize {
    let order = [
        SslVersion::TLS1,
        SslVersion::TLS1_1,
        SslVersion::TLS1_2,
        SslVersion::TLS1_3,
    ];
    order.iter().position(|one| *one == version).unwrap_or(0)
}

/// Where distributions have the platform's certificates in one file.
const SYSTEM_FILES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// The platform's certificates for a libpq that does not know `sslrootcert=system` (16 and up).
pub(crate) fn system_certificates(libpq: u32) -> Option<&'static str> {
    let is_there = |file: &&&str| Path::new(file).exists();
    let mut files = SYSTEM_FILES.iter();
    files
        .find(is_there)
        .copied()
        .filter(|_| libpq < LIBPQ_WITH_SYSTEM)
}

/// The libpq that `sslrootcert=system` came with.
const LIBPQ_WITH_SYSTEM: u32 = 16;

/// A file that was given, or else the one of this name in ~/.postgresql.
fn in_home(given: Option<&str>, name: &str) -> Option<PathBuf> {
    match given.filter(|file| !file.is_empty()) {
        Some(file) => Some(PathBuf::from(file)),
        None => Some(
            Path::new(&environment("HOME")?)
                .join(".postgresql")
                .join(name),
        ),
    }
}

/// A file that OpenSSL cannot use, with the first thing that it says about it.
fn unreadable(what: &str, file: &Path, error: &ErrorStack) -> Error {
    let first = error
        .errors()
        .iter()
        .find_map(openssl::error::Error::reason);
    // What the operating system says of the file is clearer.
    let reason = fs::File::open(file)
        .err()
        .map(|error| error.to_string())
        .or_else(|| first.map(str::to_owned))
        .map(|reason| format!(": {reason}"));
    Error::new(
        Class::Tls,
        format!(
            "cannot read the {what} {}{}",
            file.display(),
            reason.unwrap_or_default()
        ),
    )
    .with_hint("Give a PEM file that this user can read; an encrypted key needs sslpassword.")
}

fn failed(error: ErrorStack) -> Error {
    Error::new(Class::Tls, "cannot set TLS up").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Role;

    fn mode(conninfo: &str) -> Result<Mode, Error> {
        Mode::of(&Endpoint::resolve(Role::Source, Some(conninfo), &|_| None).unwrap())
    }

    #[test]
    fn system_certificates_and_direct_negotiation_want_strong_modes() {
        assert_eq!(mode("user=u").unwrap(), Mode::Prefer);
        assert_eq!(mode("user=u sslrootcert=system").unwrap(), Mode::VerifyFull);
        for weak in [
            "user=u sslrootcert=system sslmode=require",
            "user=u sslnegotiation=direct",
        ] {
            assert_eq!(mode(weak).unwrap_err().class(), Class::Conninfo, "{weak}");
        }
    }
}
