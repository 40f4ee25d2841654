//! TLS for the server, by rustls: TLS 1.2 and 1.3, `http/1.1` only.

mod certificate;
mod event;
mod handshake;
mod pem;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ::tokio::net::TcpListener;
use ::tokio::time::sleep;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use self::certificate::{Files, Identity, Pem};
pub use self::certificate::{TlsError, Validity};
pub use self::event::{HandshakeError, Observer, StderrObserver, TlsEvent};
use super::{BoxError, Server};
use crate::clock::{Clock, SystemClock};

/// Days before the end of a certificate from which its end is reported daily.
const WARNED_DAYS: i64 = 30;

/// A certificate with its private key in PEM files, which are read again when they change.
///
/// The certificate's file holds the server's certificate and behind it the intermediate ones ("full chain"); the key's file an
/// RSA, ECDSA or Ed25519 key without a password. Connections that were opened with the former certificate go on.
///
/// ```no_run
/// # async fn example(service: koogallery::callback::CallbackService) -> Result<(), Box<dyn std::error::Error>> {
/// use koogallery::adapter::serve::Server;
/// use koogallery::adapter::serve::tls::Tls;
/// use koogallery::adapter::tower::Endpoint;
///
/// let tls = Tls::from_files("/etc/tls/fullchain.pem", "/etc/tls/privkey.pem")?;
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
/// Server::new().serve_tls(listener, tls, Endpoint::new(service), std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
pub struct Tls {
    files: Files,
    read: Pem,
    identity: Identity,
    config: ServerConfig,
    current: Arc<Current>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    reload_interval: Duration,
    handshake_timeout: Duration,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the certificate and the private key.
    ///
    /// # Errors
    ///
    /// A file cannot be read, holds something else, or the key is not that of the certificate. A certificate that has expired
    /// is no error: it is reported to the [observer](Self::observer) when the server starts.
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let files = Files { certificate: certificate.into(), key: key.into() };
        let read = files.read()?;
        let identity = files.parse(&read, &provider)?;
        let current = Arc::new(Current(RwLock::new(Arc::clone(&identity.key))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| TlsError::Unsupported(error.into()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            files,
            read,
            identity,
            config,
            current,
            observer: Arc::new(StderrObserver),
            clock: Arc::new(SystemClock),
            reload_interval: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(10),
        })
    }

    /// Returns how long the certificate is valid.
    pub fn validity(&self) -> Validity {
        self.identity.validity_at(self.clock.now())
    }

    /// Sets the observer (default: [`StderrObserver`]).
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Sets the clock (default: the system's).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets how often the files are looked at (default: every 60 seconds).
    #[must_use]
    pub fn reload_interval(mut self, interval: Duration) -> Self {
        self.reload_interval = interval;
        self
    }

    /// Sets how long a handshake may take (default: 10 seconds).
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Watches the files, and exchanges the certificate when they change. What cannot be used is reported once, and the former
    /// certificate stays: files may be seen half written.
    async fn reload(mut self) {
        self.observer.on_event(&TlsEvent::CertificateLoaded(self.validity()));
        let (mut reported, mut warned_days) = (None, self.validity().days_left());
        loop {
            sleep(self.reload_interval).await;
            match self.reload_once().await {
                Ok(false) => {
                    reported = None;
                    let validity = self.validity();
                    if validity.days_left() <= WARNED_DAYS && validity.days_left() != warned_days {
                        self.observer.on_event(&TlsEvent::CertificateExpiring(validity));
                        warned_days = validity.days_left();
                    }
                }
                Ok(true) => {
                    reported = None;
                    self.observer.on_event(&TlsEvent::CertificateLoaded(self.validity()));
                    warned_days = self.validity().days_left();
                }
                Err(error) => {
                    let text = error.to_string();
                    if reported.as_ref() != Some(&text) {
                        self.observer.on_event(&TlsEvent::ReloadFailed(&error));
                        reported = Some(text);
                    }
                }
            }
        }
    }

    /// Returns whether there was another certificate.
    async fn reload_once(&mut self) -> Result<bool, TlsError> {
        let read = self.files.read_async().await?;
        if read == self.read {
            return Ok(false);
        }
        self.identity = self.files.parse(&read, self.config.crypto_provider())?;
        self.read = read;
        self.current.exchange(Arc::clone(&self.identity.key));
        Ok(true)
    }
}

impl Server {
    /// Serves HTTPS until `stop` is done, then lets requests in progress finish. Otherwise as [`serve`](Self::serve).
    ///
    /// The handshakes are made beside each other; one in progress counts as an idle connection.
    pub async fn serve_tls<S, B>(self, listener: TcpListener, tls: Tls, service: S, stop: impl Future<Output = ()>)
    where
        S: tower_service::Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: Body<Error: Into<BoxError>> + Send + 'static,
        B::Data: Send,
    {
        let handshakes = handshake::Handshakes {
            acceptor: TlsAcceptor::from(Arc::new(tls.config.clone())),
            timeout: tls.handshake_timeout,
            observer: Arc::clone(&tls.observer),
        };
        ::tokio::select! {
            () = self.serve_on(listener, handshakes, service, stop) => {}
            () = tls.reload() => {}
        }
    }
}

/// The certificate that new connections get.
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn exchange(&self, key: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}
