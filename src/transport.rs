//! Carrying requests to the marketplace and to authentication centers: what [`open_api`](crate::open_api) and
//! [`login`](crate::login) send goes through a [`Transport`].

mod base_url;
#[cfg(feature = "reqwest-0_13")]
mod reqwest;
mod stream;

use std::error::Error;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};

#[cfg(feature = "reqwest-0_13")]
pub use self::reqwest::ReqwestTransport;
pub use base_url::{BaseUrl, BaseUrlError};
pub use stream::StreamedBody;

/// Sends one request and waits for the whole answer.
///
/// An implementation must verify the server's certificate, set a time limit, bound the answer's size, follow no
/// redirects (a signed request is good for one host only) and not retry. `ReqwestTransport` (feature `reqwest-0_13`)
/// does.
///
/// ```
/// use bytes::Bytes;
/// use futures_util::FutureExt as _;
/// use futures_util::future::BoxFuture;
/// use http::{Request, Response};
/// use koogallery::transport::{Transport, TransportError};
///
/// /// Answers by itself, for tests.
/// struct Canned(&'static str);
///
/// impl Transport for Canned {
///     fn send(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
///         async { Ok(Response::new(Bytes::from_static(self.0.as_bytes()))) }.boxed()
///     }
/// }
///
/// let answer = Canned("{}").send(Request::new(Bytes::new())).now_or_never().unwrap()?;
/// assert_eq!(answer.body(), "{}");
/// # Ok::<(), TransportError>(())
/// ```
pub trait Transport: Send + Sync + 'static {
    /// Sends the request as it is.
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>>;

    /// Sends a request whose body is read meanwhile. Unless implemented, the body, at most 12 MB, is read into memory
    /// first.
    fn send_streamed(&self, request: Request<StreamedBody>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let whole = async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(|error| TransportError::Broken(error.into()))?;
            self.send(Request::from_parts(head, body)).await
        };
        whole.boxed()
    }

    /// Returns whether addresses in `https` can be reached (default: yes). Without, no
    /// [`Client`](super::Client) is built for one.
    fn has_tls(&self) -> bool {
        true
    }
}

/// An error of an exchange without an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The host could not be reached: nothing was sent, and the fallback host may be tried.
    #[error("the host could not be reached")]
    Connect(#[source] Box<dyn Error + Send + Sync>),
    /// The transport speaks no TLS, and the address is `https`: nothing was sent, and never will be.
    #[error("the HTTP client was built without TLS: turn on the feature `rustls`, or a TLS feature of its own")]
    NoTls,
    /// The answer did not come in time; the request may have arrived.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke, or the answer was too large; the request may have arrived.
    #[error("the connection broke")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        (**self).send(request)
    }

    fn send_streamed(&self, request: Request<StreamedBody>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        (**self).send_streamed(request)
    }

    fn has_tls(&self) -> bool {
        (**self).has_tls()
    }
}
