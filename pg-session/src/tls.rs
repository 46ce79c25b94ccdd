//! TLS with libpq's six modes, by OpenSSL. Knows certificates, not servers.

use openssl::ssl::{SslConnector, SslConnectorBuilder, SslFiletype, SslMethod, SslVerifyMode};
use postgres::config::SslMode;
use postgres_openssl::MakeTlsConnector;

use crate::endpoint::{Endpoint, environment};
use crate::error::{Class, Error};

/// What `sslmode` and its companions ask for.
pub(crate) struct Tls {
    /// Whether TLS is asked for, preferred or not wanted.
    pub(crate) mode: SslMode,
    /// The connector.
    pub(crate) connector: MakeTlsConnector,
}

/// Builds the connector of an endpoint.
///
/// # Errors
/// [`Class::Tls`] when a certificate cannot be read, [`Class::Conninfo`] for a mode that
/// does not exist.
pub(crate) fn connector(endpoint: &Endpoint) -> Result<Tls, Error> {
    let root = root_certificate(endpoint);
    let asked = endpoint.parameter("sslmode");
    // `sslrootcert=system` means verify-full unless said otherwise (libpq 16).
    let default = if root.as_deref() == Some("system") {
        "verify-full"
    } else {
        "prefer"
    };
    let word = asked.unwrap_or(default);
    let (mode, verify, host) = match (word, root.is_some()) {
        ("disable", _) => (SslMode::Disable, false, false),
        ("allow" | "prefer", _) => (SslMode::Prefer, false, false),
        // With a root certificate, require verifies like verify-ca (manual, «SSL Support»).
        ("require", has_root) => (SslMode::Require, has_root, false),
        ("verify-ca", _) => (SslMode::Require, true, false),
        ("verify-full", _) => (SslMode::Require, true, true),
        (other, _) => {
            return Err(
                Error::new(Class::Conninfo, format!("sslmode {other:?} does not exist"))
                    .with_hint("Choose disable, allow, prefer, require, verify-ca or verify-full."),
            );
        }
    };
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(failed)?;
    trust(&mut builder, word, verify, root.as_deref())?;
    if let (Some(certificate), Some(key)) =
        (endpoint.parameter("sslcert"), endpoint.parameter("sslkey"))
    {
        builder
            .set_certificate_chain_file(certificate)
            .and_then(|()| builder.set_private_key_file(key, SslFiletype::PEM))
            .map_err(failed)?;
    }
    let mut connector = MakeTlsConnector::new(builder.build());
    if !host {
        connector.set_callback(|configuration, _| {
            configuration.set_verify_hostname(false);
            Ok(())
        });
    }
    Ok(Tls { mode, connector })
}

/// Sets what the server's certificate is checked against.
fn trust(
    builder: &mut SslConnectorBuilder,
    word: &str,
    verify: bool,
    root: Option<&str>,
) -> Result<(), Error> {
    builder.set_verify(if verify {
        SslVerifyMode::PEER
    } else {
        SslVerifyMode::NONE
    });
    match root {
        Some("system") => builder.set_default_verify_paths().map_err(failed),
        Some(file) => builder.set_ca_file(file).map_err(|error| {
            Error::new(
                Class::Tls,
                format!("cannot read the root certificate {file}"),
            )
            .with_source(error)
        }),
        None if verify => Err(Error::new(
            Class::Tls,
            format!("sslmode {word} needs a root certificate"),
        )
        .with_hint(
            "Give sslrootcert=FILE, or sslrootcert=system for the platform's certificates.",
        )),
        None => Ok(()),
    }
}

fn root_certificate(endpoint: &Endpoint) -> Option<String> {
    if let Some(file) = endpoint.parameter("sslrootcert") {
        return Some(file.to_owned());
    }
    let file = format!("{}/.postgresql/root.crt", environment("HOME")?);
    std::path::Path::new(&file).exists().then_some(file)
}

fn failed(error: openssl::error::ErrorStack) -> Error {
    Error::new(Class::Tls, "cannot set TLS up").with_source(error)
}
