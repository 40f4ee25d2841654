//! What is checked: anything that turns a request into an answer.

use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::time::Instant;

use super::http_target::{HttpTarget, TlsError};
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
    /// No answer came, or none that is HTTP.
    fn call(&self, request: Request<Bytes>) -> impl Future<Output = Result<Answer, TargetError>> + Send;

    /// The path of the production address.
    fn path(&self) -> &str {
        "/saasproduce"
    }

    /// Whether it runs in this process or on a private address, so that calls that look like real ones do no harm.
    fn is_local(&self) -> bool {
        true
    }

    /// What is checked, for the report.
    fn name(&self) -> String {
        "in process".to_owned()
    }

    /// The URL that the calls go to, if they leave the process: with it the connection is checked as well, that is names,
    /// TLS and connections that are kept open. Without it those checks are not run.
    fn http(&self) -> Option<&HttpTarget> {
        None
    }
}

/// An answer as it came over the wire.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names and values in the order received.
    pub headers: Vec<(String, String)>,
    /// Whether the names stand in the letter case of the wire.
    pub header_case_is_known: bool,
    /// The body, free of its transfer coding.
    pub body: Bytes,
    /// How long it took.
    pub duration: Duration,
}

impl Answer {
    /// An answer whose header names stand in the letter case of the wire; for targets of one's own.
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

    /// The first value of a header, whatever its letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The host's name has no address.
    #[error("the host's name cannot be resolved: {0}")]
    Dns(String),
    /// The host's name stands for an address that is never called: a link-local one, or that of a metadata service.
    #[error("the host's name stands for {0}, which is never called")]
    Forbidden(IpAddr),
    /// There is no secure connection.
    #[error("TLS: {0}")]
    Tls(TlsError),
    /// Nobody listens there, or something in between refuses.
    #[error("no connection: {0}")]
    Connect(String),
    /// Nobody answers there at all, or nobody knows the host's addresses in time.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The connection was closed before the answer was complete.
    #[error("the connection was cut off: {0}")]
    CutOff(String),
    /// The answer did not come in time.
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
    /// The answer is larger than any answer could be.
    #[error("the answer's {0}")]
    TooLarge(&'static str),
    /// What came back is not HTTP/1.1.
    #[error("the answer is not HTTP: {0}")]
    NotHttp(String),
    /// The endpoint's code panicked.
    #[error("the endpoint panicked")]
    Panicked,
}

impl TargetError {
    /// Whether it was waited for in vain.
    pub(super) fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::ConnectTimeout(_) | Self::Tls(TlsError::Timeout(_)))
    }

    /// A call that no request can hold.
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

/// [`Target`] behind a pointer.
pub(super) trait ErasedTarget: Send + Sync {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Answer, TargetError>>;
    fn path(&self) -> &str;
    fn name(&self) -> String;
    fn http(&self) -> Option<&HttpTarget>;
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

    fn http(&self) -> Option<&HttpTarget> {
        Target::http(self)
    }
}
