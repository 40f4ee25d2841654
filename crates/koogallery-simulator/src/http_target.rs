//! A target at a URL, with a small HTTP/1.1 client: no client crate preserves the letter case of received headers, and
//! a checker must survive whatever the other side sends.

mod address;
mod connection;
#[cfg(not(feature = "tls"))]
#[path = "http_target/no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;
mod wire;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Uri};
use tokio::time::timeout;

pub(super) use super::tls_error::{Inspection, Version};
pub(super) use connection::{Connection, Times};
pub(super) use tls::Tls;
pub(super) use wire::{Framing, body, head};

use super::profile::LONGEST_TIMEOUT;
use super::target::{Answer, Target, TargetError};

/// No answer that is still in time is cut off.
const TIMEOUT: Duration = LONGEST_TIMEOUT.saturating_add(Duration::from_secs(5));

/// An endpoint at an `http` URL, or at an `https` URL with the feature `tls`. Every call uses a new
/// connection; redirects are not followed; an answer is limited to 25 seconds, 64 KiB of head and 4 MiB of body.
///
/// The certificate of an `https` address must come from an authority that browsers trust, or from one added by
#[cfg_attr(feature = "tls", doc = "[`with_root_certificates`](Self::with_root_certificates).")]
#[cfg_attr(not(feature = "tls"), doc = "`with_root_certificates`.")]
/// Addresses of metadata services, and link-local ones, are never called, also where a name stands for them. No name but
/// `localhost` makes a target [local](Target::is_local), whatever it stands for.
#[derive(Clone, Debug)]
pub struct HttpTarget {
    host: String,
    port: u16,
    authority: String,
    path: String,
    tls: Option<Tls>,
}

/// Reason why a URL was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetUrlError {
    /// It is not an absolute URL.
    #[error("the address is not a URL like http://127.0.0.1:8080/saasproduce")]
    NotAUrl,
    /// This build does not support TLS.
    #[error("https needs the feature tls; without it use the http address behind the TLS proxy")]
    Https,
    /// The URL has a query, which the marketplace adds itself.
    #[error("the address has a query, which the marketplace would replace")]
    Query,
    /// The address is link-local, or belongs to a cloud's metadata service.
    #[error("{0} is a link-local address or that of a metadata service, which is never called")]
    Forbidden(IpAddr),
    /// The PEM text contains no usable certificate.
    #[error("no usable PEM certificate: {0}")]
    Certificate(String),
}

impl HttpTarget {
    /// Creates a target for a URL.
    ///
    /// # Errors
    ///
    /// The text is not an `http` or `https` URL without a query, or the address must not be called.
    pub fn new(url: &str) -> Result<Self, TargetUrlError> {
        let uri: Uri = url.parse().map_err(|_| TargetUrlError::NotAUrl)?;
        let authority = uri.authority().ok_or(TargetUrlError::NotAUrl)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let (tls, default_port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => (Some(Tls::new(&host)?), 443),
            _ => return Err(TargetUrlError::NotAUrl),
        };
        if uri.query().is_some() {
            return Err(TargetUrlError::Query);
        }
        if let Some(address) = host.parse().ok().filter(|address| address::is_forbidden(*address)) {
            return Err(TargetUrlError::Forbidden(address));
        }
        let port = authority.port_u16().unwrap_or(default_port);
        Ok(Self { host, port, authority: authority.to_string(), path: uri.path().to_owned(), tls })
    }

    /// Adds trusted root certificates in PEM: the authority of a staging system, or a self-signed certificate.
    ///
    /// # Errors
    ///
    /// The text contains no certificate, or one that cannot be a trust anchor.
    #[cfg(feature = "tls")]
    pub fn with_root_certificates(mut self, pem: &[u8]) -> Result<Self, TargetUrlError> {
        self.tls = self.tls.map(|tls| tls.trusting(pem)).transpose()?;
        Ok(self)
    }

    /// Returns whether the host is a name, not an IP address.
    pub(super) fn has_name(&self) -> bool {
        self.host.parse::<IpAddr>().is_err()
    }

    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Opens a connection, with TLS if the URL requires it.
    pub(super) async fn connect(&self) -> Result<Connection, TargetError> {
        let (stream, times) = address::connect(&self.host, self.port).await?;
        let Some(tls) = &self.tls else { return Ok(Connection::new(Box::new(stream), times)) };
        let began = Instant::now();
        let stream = tls.secure(stream).await.map_err(TargetError::Tls)?;
        Ok(Connection::new(stream, Times { tls: Some(began.elapsed()), ..times }))
    }

    /// Makes a handshake in one version of TLS and inspects the certificate; `None` without TLS.
    pub(super) async fn inspect(&self, version: Version) -> Result<Option<Inspection>, TargetError> {
        let Some(tls) = &self.tls else { return Ok(None) };
        let (stream, _) = address::connect(&self.host, self.port).await?;
        tls.inspect(stream, version).await.map(Some).map_err(TargetError::Tls)
    }

    /// Opens a connection without TLS, whatever the URL says; for handshakes that rustls does not support.
    pub(super) async fn connect_bare(&self) -> Result<Connection, TargetError> {
        let (stream, times) = address::connect(&self.host, self.port).await?;
        Ok(Connection::new(Box::new(stream), times))
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Sends a call without waiting for the answer.
    pub(super) async fn begin(&self, request: &Request<Bytes>) -> Result<Connection, TargetError> {
        let mut connection = self.connect().await?;
        let bytes = [head(request, &self.authority, Framing::Plain, true), body(request, Framing::Plain)].concat();
        connection.send(&bytes).await?;
        Ok(connection)
    }

    /// Makes a call on a new connection.
    pub(super) async fn call_as(&self, request: &Request<Bytes>, framing: Framing) -> Result<Answer, TargetError> {
        let began = Instant::now();
        let exchange = async {
            let mut connection = self.connect().await?;
            connection.exchange(request, &self.authority, framing, true).await
        };
        let answer = timeout(TIMEOUT, exchange).await.unwrap_or(Err(TargetError::Timeout(TIMEOUT)))?;
        Ok(Answer { duration: began.elapsed(), ..answer })
    }
}

impl Target for HttpTarget {
    async fn call(&self, request: Request<Bytes>) -> Result<Answer, TargetError> {
        self.call_as(&request, Framing::Plain).await
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn is_local(&self) -> bool {
        match self.host.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
            Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
            Err(_) => address::is_localhost(&self.host),
        }
    }

    fn name(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }
}

/// Fetches a small document; for probes.
pub(super) async fn get(target: &HttpTarget) -> Result<Answer, TargetError> {
    let request = Request::get(target.path()).body(Bytes::new()).map_err(|e| TargetError::NotHttp(e.to_string()))?;
    Target::call(target, request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_absolute_and_plain() {
        assert_eq!(HttpTarget::new("/x").unwrap_err(), TargetUrlError::NotAUrl);
        assert_eq!(HttpTarget::new("ftp://a.example/x").unwrap_err(), TargetUrlError::NotAUrl);
        assert_eq!(HttpTarget::new("http://a.example/?x=1").unwrap_err(), TargetUrlError::Query);
        assert!(HttpTarget::new("http://[::1]:8080/x").unwrap().is_local());
        assert!(!HttpTarget::new("http://example.com/x").unwrap().is_local());
    }

    #[test]
    fn https_is_a_feature() {
        let target = HttpTarget::new("https://a.example/x");
        match cfg!(feature = "tls") {
            true => assert_eq!(target.unwrap().name(), "https://a.example/x"),
            false => assert_eq!(target.unwrap_err(), TargetUrlError::Https),
        }
    }

    #[test]
    fn metadata_services_are_never_called() {
        for host in ["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200", "[::ffff:169.254.169.254]"] {
            let refused = HttpTarget::new(&format!("http://{host}/x")).unwrap_err();
            assert!(matches!(refused, TargetUrlError::Forbidden(_)), "{host}");
        }
    }
}
