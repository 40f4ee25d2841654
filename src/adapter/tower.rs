//! A tower `Service`, for every server that takes one.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, select};
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};

use crate::callback::CallbackService;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The callbacks as a tower `Service` over any body. Never fails.
///
/// ```
/// # fn example(service: koogallery::callback::CallbackService) {
/// use koogallery::adapter::tower::Endpoint;
///
/// let endpoint = Endpoint::new(service).body_limit(1024 * 1024);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Endpoint {
    service: CallbackService,
    body_limit: usize,
    body_timeout: Duration,
}

impl Endpoint {
    /// With a body limit of 4 MiB and 10 seconds to send it.
    pub fn new(service: CallbackService) -> Self {
        Self { service, body_limit: 4 * 1024 * 1024, body_timeout: Duration::from_secs(10) }
    }

    /// Refuses bodies with more bytes than this.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Refuses bodies that take longer than this to arrive.
    #[must_use]
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    #[cfg(feature = "actix-4")]
    pub(super) fn service(&self) -> &CallbackService {
        &self.service
    }

    #[cfg(feature = "actix-4")]
    pub(super) fn limits(&self) -> (usize, Duration) {
        (self.body_limit, self.body_timeout)
    }

    async fn answer<B>(self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Error: Into<BoxError>> + Send,
        B::Data: Send,
    {
        let (parts, body) = request.into_parts();
        let response = match self.collect(body).await {
            Ok(body) => self.service.call(Request::from_parts(parts, body)).await,
            Err(reason) => self.service.refuse_body(&parts, reason),
        };
        response.map(Full::new)
    }

    async fn collect<B>(&self, body: B) -> Result<Bytes, String>
    where
        B: Body<Error: Into<BoxError>> + Send,
        B::Data: Send,
    {
        if body.size_hint().lower() > self.body_limit as u64 {
            return Err(self.too_large());
        }
        let body = std::pin::pin!(Limited::new(body, self.body_limit).collect());
        match select(body, self.service.sleep(self.body_timeout).boxed()).await {
            Either::Left((Ok(body), _)) => Ok(body.to_bytes()),
            Either::Left((Err(error), _)) if error.is::<LengthLimitError>() => Err(self.too_large()),
            Either::Left((Err(error), _)) => Err(error.to_string()),
            Either::Right(_) => Err(self.too_slow()),
        }
    }

    pub(super) fn too_large(&self) -> String {
        format!("more than {} bytes", self.body_limit)
    }

    pub(super) fn too_slow(&self) -> String {
        format!("not received within {:?}", self.body_timeout)
    }
}

impl<B> tower_service::Service<Request<B>> for Endpoint
where
    B: Body<Error: Into<BoxError>> + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.clone().answer(request).map(Ok).boxed()
    }
}
