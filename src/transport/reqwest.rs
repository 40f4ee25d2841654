//! The transport on reqwest 0.13.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::reqwest::Body;
use ::reqwest::redirect::Policy;
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tokio::sync::Semaphore;

use super::{StreamedBody, Transport, TransportError};

/// Sends requests with reqwest, on tokio: 20 seconds for a whole exchange and 5 to connect, no redirects, answers of at
/// most 4 MiB, at most 16 exchanges at once.
///
/// reqwest needs a TLS feature for `https`; the crate's feature `rustls` turns one on. Without any, no
/// [`Client`](crate::open_api::Client) can be built for an address in `https`.
#[derive(Debug)]
pub struct ReqwestTransport {
    client: ::reqwest::Client,
    answer_limit: usize,
    places: Semaphore,
}

impl ReqwestTransport {
    /// Returns a transport with a client of its own.
    ///
    /// # Errors
    ///
    /// The TLS backend cannot be started.
    pub fn new() -> Result<Self, ::reqwest::Error> {
        let client = ::reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            .connect_timeout(Duration::from_secs(5))
            .redirect(Policy::none())
            .build()?;
        Ok(Self::with_client(client))
    }

    /// Returns a transport with the application's client. It should set time limits and follow no redirects, because a
    /// signed request is good for one host only.
    pub fn with_client(client: ::reqwest::Client) -> Self {
        Self { client, answer_limit: 4 * 1024 * 1024, places: Semaphore::new(16) }
    }

    /// Sets the longest answer that is read (default: 4 MiB).
    #[must_use]
    pub fn with_answer_limit(mut self, bytes: usize) -> Self {
        self.answer_limit = bytes;
        self
    }

    /// Sets the number of requests that are sent at once (default: 16); further ones wait.
    #[must_use]
    pub fn with_concurrency(mut self, exchanges: usize) -> Self {
        self.places = Semaphore::new(exchanges);
        self
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Response<Bytes>, TransportError> {
        // The semaphore is never closed, so a place always comes.
        let _place = self.places.acquire().await;
        let request = ::reqwest::Request::try_from(request).map_err(failed)?;
        let mut response = self.client.execute(request).await.map_err(failed)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.answer_limit {
                let text = format!("the answer has more than {} bytes", self.answer_limit);
                return Err(TransportError::Broken(text.into()));
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = Response::new(body.freeze());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

/// Returns whether a TLS feature of reqwest is on, no matter who turned it on. Features of another crate are not seen from
/// here; but `tls_info` is a method of its builder under these alone, and where it is, it goes before that of a trait.
const fn has_tls() -> bool {
    struct NoTls;

    trait WithoutTls: Sized {
        #[allow(dead_code, reason = "not called where the builder has its own")]
        fn tls_info(self, _: bool) -> NoTls {
            NoTls
        }
    }

    trait Outcome {
        const HAS_TLS: bool;
    }

    impl WithoutTls for ::reqwest::ClientBuilder {}

    impl Outcome for NoTls {
        const HAS_TLS: bool = false;
    }

    impl Outcome for ::reqwest::ClientBuilder {
        const HAS_TLS: bool = true;
    }

    const fn of<T: Outcome>(_: fn(::reqwest::ClientBuilder) -> T) -> bool {
        T::HAS_TLS
    }

    of(|builder| builder.tls_info(false))
}

/// The address holds order ids; it is left out of the error.
fn failed(error: ::reqwest::Error) -> TransportError {
    let error = error.without_url();
    match () {
        () if error.is_connect() && lacks_tls(&error) => TransportError::NoTls,
        () if error.is_connect() => TransportError::Connect(Box::new(error)),
        () if error.is_timeout() => TransportError::Timeout,
        () => TransportError::Broken(Box::new(error)),
    }
}

/// Returns whether the error is hyper's for `https` without a TLS implementation.
fn lacks_tls(error: &dyn Error) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|cause| cause.to_string().contains("scheme is not http"))
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        self.exchange(request.map(Body::from)).boxed()
    }

    fn send_streamed(&self, request: Request<StreamedBody>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let sized = |body: StreamedBody| SizedBody { left: body.len(), chunks: Mutex::new(body.into_chunks()) };
        self.exchange(request.map(|body| Body::wrap(sized(body)))).boxed()
    }

    fn has_tls(&self) -> bool {
        const { has_tls() }
    }
}

/// A stream with its length, so that it is sent with `Content-Length` and not in chunks.
struct SizedBody {
    left: u64,
    /// Never locked: it only makes the stream `Sync`, as reqwest wants it.
    chunks: Mutex<BoxStream<'static, io::Result<Bytes>>>,
}

impl http_body::Body for SizedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunks = self.chunks.get_mut().unwrap_or_else(PoisonError::into_inner);
        let chunk = ready!(chunks.poll_next_unpin(context)?);
        self.left -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
