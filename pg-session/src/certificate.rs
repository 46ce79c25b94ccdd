//! What a certificate says: whose it is, which names it is for, when it ends.

use std::net::IpAddr;

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::x509::{X509NameRef, X509Ref};

/// What a certificate says.
#[derive(Clone, Default)]
pub(crate) struct Certificate {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) names: Vec<String>,
    pub(crate) expires: String,
}

impl Certificate {
    /// Reads one.
    pub(crate) fn read(certificate: &X509Ref) -> Self {
        let names = certificate.subject_alt_names();
        let names = names.iter().flatten().filter_map(|name| {
            let address = || name.ipaddress().and_then(ip_of).map(|ip| ip.to_string());
            name.dnsname().map(str::to_owned).or_else(address)
        });
        Self {
            subject: shown(certificate.subject_name()),
            issuer: shown(certificate.issuer_name()),
            names: names.collect(),
            expires: rfc3339(certificate.not_after()),
        }
    }
}

/// `CN=…, O=…`, as people write names of certificates.
fn shown(name: &X509NameRef) -> String {
    let entries = name.entries().map(|entry| {
        let key = entry.object().nid().short_name().unwrap_or("?");
        format!("{key}={}", entry.data().to_string().unwrap_or_default())
    });
    entries.collect::<Vec<_>>().join(", ")
}

/// A time of a certificate as RFC 3339; as OpenSSL writes it where it cannot be read.
fn rfc3339(time: &Asn1TimeRef) -> String {
    let seconds = Asn1Time::from_unix(0)
        .and_then(|epoch| epoch.diff(time))
        .map(|since| i64::from(since.days) * 86_400 + i64::from(since.secs));
    seconds
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| time.to_string(), |timestamp| timestamp.to_string())
}

/// Whether a certificate is for an address: one of its addresses, or, when it has none, its
/// common name, as in libpq 15 and up.
pub(crate) fn is_for(certificate: &X509Ref, address: IpAddr) -> bool {
    let names = certificate.subject_alt_names();
    let addresses: Vec<IpAddr> = names
        .iter()
        .flatten()
        .filter_map(|name| name.ipaddress().and_then(ip_of))
        .collect();
    if addresses.is_empty() {
        let common = certificate
            .subject_name()
            .entries_by_nid(openssl::nid::Nid::COMMONNAME)
            .last()
            .and_then(|entry| entry.data().to_string().ok());
        common.is_some_and(|common| common.parse() == Ok(address))
    } else {
        addresses.contains(&address)
    }
}

fn ip_of(bytes: &[u8]) -> Option<IpAddr> {
    let v4: Result<[u8; 4], _> = bytes.try_into();
    let v6: Result<[u8; 16], _> = bytes.try_into();
    v4.map(IpAddr::from).or(v6.map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_certificates_are_told_in_rfc_3339() {
        let time = Asn1Time::from_unix(1_700_000_000).unwrap();
        assert_eq!(rfc3339(&time), "2023-11-14T22:13:20Z");
    }
}
