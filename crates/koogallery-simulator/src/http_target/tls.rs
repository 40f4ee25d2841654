//! TLS by rustls, with the public root certificates and those added by the user.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore, SupportedProtocolVersion};

use super::TargetUrlError;
use super::address::CONNECT_TIMEOUT;
use super::connection::ByteStream;
use crate::tls_error::{Inspection, TlsError, Version};
use koogallery::timestamp::Timestamp;

/// Longer than any certificate of a public authority is valid.
const TWENTY_YEARS: Duration = Duration::from_secs(20 * 365 * 86400);

#[derive(Clone)]
pub(crate) struct Tls {
    name: ServerName<'static>,
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

impl Tls {
    pub(super) fn new(host: &str) -> Result<Self, TargetUrlError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TargetUrlError::NotAUrl)?;
        Self::with_roots(name, public_roots())
    }

    fn with_roots(name: ServerName<'static>, roots: RootCertStore) -> Result<Self, TargetUrlError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(roots);
        let config = config(&provider, &roots, &[&TLS13, &TLS12]);
        let config = config.map_err(|error| TargetUrlError::Certificate(error.to_string()))?;
        Ok(Self { name, provider, roots, config })
    }

    pub(super) fn trusting(self, pem: &[u8]) -> Result<Self, TargetUrlError> {
        let bad = |error: &dyn fmt::Display| TargetUrlError::Certificate(error.to_string());
        let mut roots = RootCertStore::clone(&self.roots);
        let before = roots.len();
        let pem = pem.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(pem);
        for certificate in CertificateDer::pem_slice_iter(pem) {
            // The error's own text would quote the file, which may hold a key as well.
            roots.add(certificate.map_err(|_| bad(&"it is no complete PEM"))?).map_err(|error| bad(&error))?;
        }
        match roots.len() > before {
            true => Self::with_roots(self.name, roots),
            false => Err(bad(&"the text contains none")),
        }
    }

    pub(super) async fn secure(&self, stream: TcpStream) -> Result<Box<dyn ByteStream>, TlsError> {
        let stream = self.handshake(stream, &self.config).await?;
        Ok(Box::new(stream))
    }

    /// Makes a handshake in one version and inspects the certificate.
    pub(super) async fn inspect(&self, stream: TcpStream, version: Version) -> Result<Inspection, TlsError> {
        let version = match version {
            Version::Tls12 => &TLS12,
            Version::Tls13 => &TLS13,
        };
        let config = config(&self.provider, &self.roots, &[version]).map_err(|error| self.error(&error))?;
        let stream = self.handshake(stream, &config).await?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let now = UnixTime::now();
        let in_time = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + TWENTY_YEARS);
        let until = match self.verify(chain, Arc::clone(&self.roots), in_time) {
            Err(TlsError::Expired(until)) => until,
            _ => None,
        };
        let is_public = self.verify(chain, Arc::new(public_roots()), now).is_ok();
        Ok(Inspection { is_public, until })
    }

    fn verify(&self, chain: &[CertificateDer<'_>], roots: Arc<RootCertStore>, at: UnixTime) -> Result<(), TlsError> {
        let (server, between) = chain.split_first().ok_or_else(|| TlsError::Certificate("there is none".to_owned()))?;
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&self.provider)).build();
        let verifier = verifier.map_err(|error| TlsError::Certificate(error.to_string()))?;
        let verified = verifier.verify_server_cert(server, between, &self.name, &[], at);
        verified.map(drop).map_err(|error| self.error(&error))
    }

    async fn handshake(&self, stream: TcpStream, config: &Arc<ClientConfig>) -> Result<TlsStream<TcpStream>, TlsError> {
        let connector = TlsConnector::from(Arc::clone(config));
        let secured = timeout(CONNECT_TIMEOUT, connector.connect(self.name.clone(), stream)).await;
        let secured = secured.map_err(|_| TlsError::Timeout(CONNECT_TIMEOUT))?;
        secured.map_err(|error| match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(inner) => self.error(inner),
            None => TlsError::CutOff(error.to_string()),
        })
    }

    fn error(&self, error: &Error) -> TlsError {
        let moment = |time: UnixTime| {
            let millis = i64::try_from(time.as_secs()).ok().and_then(|seconds| seconds.checked_mul(1000));
            millis.map(Timestamp::from_unix_millis)
        };
        match error {
            Error::InvalidCertificate(error) => match error {
                CertificateError::UnknownIssuer => TlsError::UnknownIssuer,
                CertificateError::Expired => TlsError::Expired(None),
                CertificateError::ExpiredContext { not_after, .. } => TlsError::Expired(moment(*not_after)),
                CertificateError::NotValidYet => TlsError::NotYetValid(None),
                CertificateError::NotValidYetContext { not_before, .. } => TlsError::NotYetValid(moment(*not_before)),
                CertificateError::NotValidForName => self.wrong_name(&[]),
                CertificateError::NotValidForNameContext { presented, .. } => self.wrong_name(presented),
                error => TlsError::Certificate(error.to_string()),
            },
            Error::InvalidMessage(_) => TlsError::NotTls,
            error => TlsError::Refused(error.to_string()),
        }
    }

    fn wrong_name(&self, presented: &[String]) -> TlsError {
        /// A shared certificate may list hundreds of names.
        const SHOWN: usize = 5;
        let mut names = presented.iter().take(SHOWN).map(|name| bare(name)).collect::<Vec<_>>().join(", ");
        match presented.len() {
            0 => names.push_str("other names"),
            SHOWN.. => names.push_str(" and others"),
            _ => {}
        }
        TlsError::WrongName { asked: self.name.to_str().into_owned(), names }
    }
}

/// Returns a name as it appears in the certificate, without the type around it.
fn bare(presented: &str) -> &str {
    presented.split('"').nth(1).unwrap_or(presented)
}

fn config(
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider)).with_protocol_versions(versions)?;
    let mut config = builder.with_root_certificates(Arc::clone(roots)).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
