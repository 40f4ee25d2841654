//! Reasons why a handshake fails.

use std::time::Duration;

use koogallery::timestamp::Timestamp;

/// Reason why no secure connection could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate chain does not end at a trusted authority.
    #[error("the certificate issuer is not trusted")]
    UnknownIssuer,
    /// The certificate is for other hosts.
    #[error("the certificate is for {names}, not for {asked}")]
    WrongName {
        /// The host in the URL.
        asked: String,
        /// The hosts in the certificate.
        names: String,
    },
    /// The certificate has expired.
    #[error("the certificate has expired{}", on(*.0))]
    Expired(Option<Timestamp>),
    /// The certificate is not valid yet.
    #[error("the certificate is not valid yet{}", on(*.0))]
    NotYetValid(Option<Timestamp>),
    /// The certificate is invalid for another reason.
    #[error("the certificate is not accepted: {0}")]
    Certificate(String),
    /// The server wants other versions or ciphers, or does not know the host.
    #[error("the handshake is refused: {0}")]
    Refused(String),
    /// Something other than TLS answers there.
    #[error("the server does not speak TLS")]
    NotTls,
    /// The connection was closed during the handshake.
    #[error("the handshake was cut off: {0}")]
    CutOff(String),
    /// The handshake did not finish in time.
    #[error("no complete handshake within {0:?}")]
    Timeout(Duration),
}

fn on(time: Option<Timestamp>) -> String {
    time.and_then(Timestamp::to_offset_date_time).map_or_else(String::new, |time| format!(": {}", time.date()))
}

impl TlsError {
    /// Returns how to fix it, in one line.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::UnknownIssuer => {
                "serve the whole chain, with all intermediate certificates, from a public authority; \
                 add the authority of a staging system to the trusted ones"
            }
            Self::WrongName { .. } => "get a certificate with the host's name in subjectAltName",
            Self::Expired(_) => "renew the certificate, and automate the renewal",
            Self::NotYetValid(_) => "check the clocks of the server and of this machine",
            Self::Certificate(_) => "get a server certificate of X.509 version 3 with current algorithms",
            Self::Refused(_) => "allow TLS 1.2 and 1.3 with current ciphers, for this host's name",
            Self::NotTls => "terminate TLS at this port, or use the http address",
            Self::CutOff(_) | Self::Timeout(_) => "check the server's certificate, key and log",
        }
    }
}

/// A version of TLS that the marketplace requires or allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Tls12,
    Tls13,
}

/// Properties of an accepted certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inspection {
    /// Whether it comes from a public authority, not from one added by the user.
    pub(crate) is_public: bool,
    /// The last day on which it is valid, if within twenty years.
    pub(crate) until: Option<Timestamp>,
}
