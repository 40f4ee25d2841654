//! The target of calls: anything that turns a request into an answer.

use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::time::Instant;

use super::reading::is_gzip;
use super::symptom::Symptom;
use super::tls_error::TlsError;
use koogallery::callback::CallbackService;

/// A seller's endpoint.
///
/// Implemented by [`HttpTarget`](super::HttpTarget), by [`CallbackService`], and by every function from a request to a
/// future response.
pub trait Target: Send + Sync + 'static {
    /// Sends one request. Its URI is a path with a query.
    ///
    /// # Errors
    ///
    /// There is no answer, or it is not HTTP.
    fn call(&self, request: Request<Bytes>) -> impl Future<Output = Result<Answer, TargetError>> + Send;

    /// Returns the path of the production address.
    fn path(&self) -> &str {
        "/saasproduce"
    }

    /// Returns whether the target runs in this process or on a private address, so that calls that look real do no
    /// harm.
    fn is_local(&self) -> bool {
        true
    }

    /// Returns the name of the target in reports.
    fn name(&self) -> String {
        "in process".to_owned()
    }
}

/// An answer as received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names and values in the order received.
    pub headers: Vec<(String, String)>,
    /// Whether the names have the letter case of the wire.
    pub header_case_is_known: bool,
    /// The body, without its transfer coding.
    pub body: Bytes,
    /// Duration of the call.
    pub duration: Duration,
}

impl Answer {
    /// Creates an answer whose header names have the letter case of the wire; for custom targets.
    pub fn from_wire(status: u16, headers: Vec<(String, String)>, body: Bytes, duration: Duration) -> Self {
        Self { status, headers, header_case_is_known: true, body, duration }
    }

    fn from_response(response: Response<Bytes>, duration: Duration) -> Self {
        let (parts, body) = response.into_parts();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        let answer = Self::from_wire(parts.status.as_u16(), headers.collect(), body, duration);
        Self { header_case_is_known: false, ..answer }
    }

    /// Returns the first value of a header, whatever its letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// Returns the coding of a compressed body, in lower case, as `gzip`: its bytes say nothing to a reader.
    pub fn compression(&self) -> Option<String> {
        let named = self.header("content-encoding").map(|coding| coding.trim().to_ascii_lowercase());
        let is_named =
            |coding: &String| matches!(coding.as_str(), "gzip" | "x-gzip" | "deflate" | "br" | "zstd" | "compress");
        let is_compressed = !self.body.is_empty() && str::from_utf8(&self.body).is_err();
        let recognized = || is_gzip(&self.body).then(|| "gzip".to_owned());
        named.filter(is_named).filter(|_| is_compressed).or_else(recognized)
    }
}

/// Reason why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The host's name has no address.
    #[error("the host's name cannot be resolved: {0}")]
    Dns(String),
    /// The host's name resolves to an address that is never called: a link-local one, or that of a metadata service.
    #[error("the host's name resolves to {0}, which is never called")]
    Forbidden(IpAddr),
    /// There is no secure connection.
    #[error("TLS: {0}")]
    Tls(TlsError),
    /// The connection was refused.
    #[error("no connection: {0}")]
    Connect(String),
    /// Connecting, or resolving the host's name, timed out.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The connection was closed before the answer was complete.
    #[error("the connection was cut off: {0}")]
    CutOff(String),
    /// The answer did not come in time.
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
    /// The answer exceeds the limit.
    #[error("the answer's {0}")]
    TooLarge(String),
    /// The answer is not HTTP/1.1.
    #[error("the answer is not HTTP: {0}")]
    NotHttp(String),
    /// The endpoint's code panicked.
    #[error("the endpoint panicked")]
    Panicked,
}

impl TargetError {
    /// Returns whether it is a timeout.
    pub(super) fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::ConnectTimeout(_) | Self::Tls(TlsError::Timeout(_)))
    }

    /// Returns the kind of violation, if it has one.
    pub(super) fn symptom(&self) -> Option<Symptom> {
        match self {
            Self::Dns(_) | Self::Forbidden(_) | Self::Tls(_) | Self::Connect(_) | Self::ConnectTimeout(_) => {
                Some(Symptom::Unreachable)
            }
            Self::NotHttp(_) => Some(Symptom::Unreachable),
            Self::CutOff(_) | Self::Panicked => Some(Symptom::Crash),
            Self::Timeout(_) => Some(Symptom::Hang),
            Self::TooLarge(_) => None,
        }
    }

    /// A call that cannot be written as a request.
    pub(super) fn unwritable() -> Self {
        Self::NotHttp("the request could not be written".to_owned())
    }
}

impl<F, Fut> Target for F
where
    F: Fn(Request<Bytes>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Response<Bytes>> + Send,
{
    async fn call(&self, request: Request<Bytes>) -> Result<Answer, TargetError> {
        in_process(self(request)).await
    }
}

impl Target for CallbackService {
    async fn call(&self, request: Request<Bytes>) -> Result<Answer, TargetError> {
        in_process(CallbackService::call(self, request)).await
    }
}

async fn in_process(response: impl Future<Output = Response<Bytes>> + Send) -> Result<Answer, TargetError> {
    let began = Instant::now();
    let response = AssertUnwindSafe(response).catch_unwind().await.map_err(|_| TargetError::Panicked)?;
    Ok(Answer::from_response(response, began.elapsed()))
}

/// [`Target`] as a trait object.
pub(super) trait ErasedTarget: Send + Sync {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Answer, TargetError>>;
    fn path(&self) -> &str;
    fn name(&self) -> String;
}

impl<T: Target> ErasedTarget for T {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Answer, TargetError>> {
        Target::call(self, request).boxed()
    }

    fn path(&self) -> &str {
        Target::path(self)
    }

    fn name(&self) -> String {
        Target::name(self)
    }
}
