//! Handshakes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use ::tokio::net::TcpStream;
use ::tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{Error as RustlsError, PeerIncompatible};
use tokio_rustls::server::TlsStream;

use super::{HandshakeError, Observer, TlsEvent};
use crate::adapter::serve::Opening;

/// Answer to a caller that speaks HTTP to the port of HTTPS.
const HTTPS_ONLY: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 42\r\n\
    Connection: close\r\n\r\nThis port speaks HTTPS only: use https://\n";

#[derive(Clone)]
pub(super) struct Handshakes {
    pub(super) acceptor: TlsAcceptor,
    pub(super) timeout: Duration,
    pub(super) observer: Arc<dyn Observer>,
}

impl Opening for Handshakes {
    type Stream = TlsStream<TcpStream>;

    async fn open(&self, stream: TcpStream) -> Option<Self::Stream> {
        let peer = stream.peer_addr().ok();
        let outcome = timeout(self.timeout, self.handshake(stream)).await;
        outcome.unwrap_or(Err(HandshakeError::TooSlow(self.timeout))).unwrap_or_else(|error| {
            self.observer.on_event(&TlsEvent::HandshakeFailed { peer, error: &error });
            None
        })
    }
}

impl Handshakes {
    /// `None` if the caller left without a word, as port probes do.
    async fn handshake(&self, mut stream: TcpStream) -> Result<Option<TlsStream<TcpStream>>, HandshakeError> {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(0) | Err(_) => return Ok(None),
            // A method; a TLS record begins with its type, 22.
            Ok(_) if first[0].is_ascii_alphabetic() => {
                // What is not read would reset the connection, and the answer be lost.
                let _ = stream.read(&mut [0; 16 * 1024]).await;
                let _ = stream.write_all(HTTPS_ONLY).await;
                let _ = stream.shutdown().await;
                return Err(HandshakeError::PlainHttp);
            }
            Ok(_) => {}
        }
        self.acceptor.accept(stream).await.map(Some).map_err(explained)
    }
}

fn explained(error: io::Error) -> HandshakeError {
    let reason = error.get_ref().and_then(|inner| inner.downcast_ref::<RustlsError>());
    match reason {
        // The extension is as old as TLS 1.2, and looked for first.
        Some(RustlsError::PeerIncompatible(
            PeerIncompatible::SignatureAlgorithmsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        )) => HandshakeError::OldVersion,
        _ => HandshakeError::Failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::HTTPS_ONLY;

    #[test]
    fn the_length_is_that_of_the_text() {
        let answer = std::str::from_utf8(HTTPS_ONLY).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
    }
}
