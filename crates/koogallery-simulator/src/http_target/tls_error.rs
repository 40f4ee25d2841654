//! What a handshake can fail of.

use std::time::Duration;

use koogallery::timestamp::Timestamp;

/// Why there is no secure connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// No chain leads from the certificate to an authority that is trusted.
    #[error("the certificate comes from nobody who is trusted")]
    UnknownIssuer,
    /// The certificate is for other hosts.
    #[error("the certificate is for {names}, not for {asked}")]
    WrongName {
        /// The host in the URL.
        asked: String,
        /// Those in the certificate.
        names: String,
    },
    /// The certificate is too old.
    #[error("the certificate has expired{}", on(*.0))]
    Expired(Option<Timestamp>),
    /// The certificate is not valid yet.
    #[error("the certificate is not valid before a time to come{}", on(*.0))]
    NotYetValid(Option<Timestamp>),
    /// There is something else about the certificate.
    #[error("the certificate is not accepted: {0}")]
    Certificate(String),
    /// The server wants other versions or ciphers, or no such host.
    #[error("the handshake is refused: {0}")]
    Refused(String),
    /// Something else listens there.
    #[error("what listens there does not speak TLS")]
    NotTls,
    /// The connection was closed during the handshake.
    #[error("the handshake was cut off: {0}")]
    CutOff(String),
    /// The handshake came to no end.
    #[error("no complete handshake within {0:?}")]
    Timeout(Duration),
}

fn on(time: Option<Timestamp>) -> String {
    time.and_then(Timestamp::to_offset_date_time).map_or_else(String::new, |time| format!(": {}", time.date()))
}

impl TlsError {
    /// What to do about it, in one line.
    pub const fn mend(&self) -> &'static str {
        match self {
            Self::UnknownIssuer => {
                "serve the whole chain, with every certificate in between, from a public authority; \
                 trust the authority of a staging system by hand"
            }
            Self::WrongName { .. } => "get a certificate with the host's name in subjectAltName",
            Self::Expired(_) => "renew the certificate, and have that done by a machine",
            Self::NotYetValid(_) => "look at the clocks of the server and of this machine",
            Self::Certificate(_) => "get a server certificate of X.509 version 3 with current algorithms",
            Self::Refused(_) => "allow TLS 1.2 and 1.3 with current ciphers, for this host's name",
            Self::NotTls => "let TLS end at this port, or give the http address",
            Self::CutOff(_) | Self::Timeout(_) => "look for the server's certificate and key, and its log",
        }
    }
}

/// A version of TLS that has to be spoken, or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Tls12,
    Tls13,
}

/// What a certificate that was accepted is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inspection {
    /// Whether it comes from a public authority, and not from one that was added by hand.
    pub(crate) is_public: bool,
    /// The last day on which it is valid, if that is within twenty years.
    pub(crate) until: Option<Timestamp>,
}
