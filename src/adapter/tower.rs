//! A tower `Service`, for every server that takes one.

mod answer_check;

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::future::{BoxFuture, Either, select};
use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _};
use http::header::{CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyDataStream, Full};

use super::answer_check::Slot;
pub use super::answer_check::{AnswerCheck, CheckedAnswers, CheckedBody};
use crate::callback::{BodyError, CallbackService, IncomingBody};

/// How much of a refused body is read, and for how long. Proxies that are still sending when the connection closes answer 502;
/// lists of the Kit are as long as this, so that they let such bodies pass.
const DISCARDED_BYTES: usize = 4 * 1024 * 1024;
const DISCARDED_FOR: Duration = Duration::from_millis(500);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The callbacks as a tower `Service` over any body. Never fails.
///
/// The head of a call is checked before its body is read; see [`CallbackService::check_head`]. The service sets the
/// limits of bodies.
///
/// ```
/// # fn example(service: koogallery::callback::CallbackService) {
/// use koogallery::adapter::tower::Endpoint;
///
/// let endpoint = Endpoint::new(service).body_timeout(std::time::Duration::from_secs(5));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Endpoint {
    service: CallbackService,
    body_timeout: Duration,
}

impl Endpoint {
    /// Returns the endpoint of a service.
    pub fn new(service: CallbackService) -> Self {
        Self { service, body_timeout: Duration::from_secs(10) }
    }

    /// Sets how long a body may take to arrive (default: 10 seconds).
    #[must_use]
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    async fn answer<B>(self, request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
    where
        B: Body<Error: Into<BoxError>> + Send,
        B::Data: Send,
    {
        let (head, body) = request.into_parts();
        let body = BodyDataStream::new(body).map_err(|error| error.into().to_string());
        let mut response = self.answer_of(&head, body).await;
        // Frameworks that box bodies forget how long they are, and would write chunks.
        let length = response.body().len();
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
        Ok(response.map(Full::new))
    }

    /// Answers a request whose body arrives in pieces, or breaks off with a reason: for frameworks that take no tower
    /// `Service`. The URI is as received, with the raw query.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use futures_util::{Stream, TryStreamExt as _};
    /// # use http::{Response, request::Parts};
    /// # use koogallery::adapter::tower::Endpoint;
    /// async fn answer(
    ///     endpoint: &Endpoint,
    ///     head: Parts,
    ///     body: impl Stream<Item = std::io::Result<Bytes>>,
    /// ) -> Response<Bytes> {
    ///     endpoint.receive(head, body.map_err(|error| error.to_string())).await
    /// }
    /// ```
    pub async fn receive(&self, head: Parts, pieces: impl Stream<Item = Result<impl Buf, String>>) -> Response<Bytes> {
        self.answer_of(&head, pieces).await
    }

    async fn answer_of(&self, head: &Parts, pieces: impl Stream<Item = Result<impl Buf, String>>) -> Response<Bytes> {
        let answer = self.checked_answer(head, pin!(pieces)).await;
        if let Some(slot) = head.extensions.get::<Slot>() {
            slot.leave(&self.service, &answer);
        }
        answer
    }

    async fn checked_answer(
        &self,
        head: &Parts,
        mut pieces: Pin<&mut impl Stream<Item = Result<impl Buf, String>>>,
    ) -> Response<Bytes> {
        let refusal = match self.service.check(head) {
            Ok((checked, mut body)) => match self.collect(&mut body, pieces.as_mut()).await {
                Ok(()) => return self.service.call_checked(checked, body.whole()).await,
                Err(error) => self.service.refuse_body(head, error),
            },
            Err(refusal) => refusal,
        };
        // A caller that waits for leave to send its body gets none.
        if !head.headers.contains_key(EXPECT) {
            self.discard(pieces).await;
        }
        refusal
    }

    async fn collect(
        &self,
        body: &mut IncomingBody,
        mut pieces: Pin<&mut impl Stream<Item = Result<impl Buf, String>>>,
    ) -> Result<(), BodyError> {
        let whole = pin!(async {
            while let Some(piece) = pieces.next().await {
                let mut piece = piece.map_err(BodyError::Interrupted)?;
                while piece.has_remaining() {
                    let part = piece.chunk();
                    body.push(part)?;
                    piece.advance(part.len());
                }
            }
            Ok(())
        });
        match select(whole, pin!(self.service.sleep(self.body_timeout))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(BodyError::TooSlow(self.body_timeout)),
        }
    }

    /// Reads what is on its way of a refused body: a connection that is closed before that is reset, and the answer lost.
    async fn discard(&self, mut pieces: Pin<&mut impl Stream<Item = Result<impl Buf, String>>>) {
        let rest = pin!(async {
            let mut left = DISCARDED_BYTES;
            while let Some(Ok(piece)) = pieces.next().await {
                left = left.saturating_sub(piece.remaining());
                if left == 0 {
                    break;
                }
            }
        });
        select(rest, pin!(self.service.sleep(DISCARDED_FOR))).await;
    }
}

impl From<CallbackService> for Endpoint {
    fn from(service: CallbackService) -> Self {
        Self::new(service)
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
        self.clone().answer(request).boxed()
    }
}
