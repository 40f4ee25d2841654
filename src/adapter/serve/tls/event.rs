//! Events of a server with TLS, and their observers.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::{TlsError, Validity};
use crate::text::chain::Chain;

/// Receives the events of a server with TLS, for logs.
///
/// ```
/// use koogallery::adapter::serve::tls::{Observer, TlsEvent};
///
/// struct Log;
///
/// impl Observer for Log {
///     fn on_event(&self, event: &TlsEvent<'_>) {
///         match event {
///             TlsEvent::HandshakeFailed { .. } => {}
///             event => eprintln!("{event}"),
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Receives an event. Must not block.
    fn on_event(&self, event: &TlsEvent<'_>);
}

/// An event of a server with TLS. `Display` writes it as one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsEvent<'a> {
    /// The server begins with a certificate, or its files hold another one. Look whether it
    /// [is valid](Validity::is_valid): it is used in any case.
    CertificateLoaded(Validity),
    /// The certificate ends within 30 days, or has ended. Daily.
    CertificateExpiring(Validity),
    /// The files have changed and cannot be used. The former certificate stays.
    ReloadFailed(&'a TlsError),
    /// A connection was closed, because no TLS could be agreed on.
    HandshakeFailed {
        /// Address of the caller.
        peer: Option<SocketAddr>,
        /// Cause.
        error: &'a HandshakeError,
    },
}

impl fmt::Display for TlsEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertificateLoaded(validity) | Self::CertificateExpiring(validity) => validity.fmt(f),
            Self::ReloadFailed(error) => {
                write!(f, "the former certificate stays, because the new one cannot be used: {}", Chain(*error))
            }
            Self::HandshakeFailed { peer, error } => {
                f.write_str("no TLS connection")?;
                if let Some(peer) = peer {
                    write!(f, " with {peer}")?;
                }
                write!(f, ": {}", Chain(*error))
            }
        }
    }
}

/// Reason why there was no TLS connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The caller speaks HTTP without TLS. It was answered 400.
    #[error("the caller speaks plain HTTP to the port of HTTPS")]
    PlainHttp,
    /// The caller knows TLS 1.1 or older versions only.
    #[error("the caller knows neither TLS 1.2 nor 1.3")]
    OldVersion,
    /// The handshake took longer than this.
    #[error("the handshake was not complete within {0:?}")]
    TooSlow(Duration),
    /// The handshake failed, or the caller broke it off.
    #[error("the handshake failed")]
    Failed(#[source] io::Error),
}

/// Writes every event to standard error. The default observer.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit struct is made by its name")]
pub struct StderrObserver;

impl Observer for StderrObserver {
    fn on_event(&self, event: &TlsEvent<'_>) {
        eprintln!("koogallery: {event}");
    }
}
