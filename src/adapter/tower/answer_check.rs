//! A layer that finds out what other layers do to answers on their way out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower_layer::Layer;
use tower_service::Service;

use crate::adapter::answer_check::{Comparison, Slot};

/// A layer that compares the answers of an [`Endpoint`](super::Endpoint) with what leaves: other layers may compress or
/// rewrite them, and the marketplace then reads nothing, or finds that `Body-Sign` does not fit. What was changed comes to
/// the service's observer, as [`CallbackEvent::AnswerChanged`](crate::callback::CallbackEvent::AnswerChanged).
///
/// For development and first days in production. Has to be the outermost layer, so the last that is added, and changes
/// nothing. What a proxy does afterwards is not seen here: `koogallery check` finds that.
///
/// ```
/// # fn example(service: koogallery::callback::CallbackService) -> axum::Router {
/// use axum::Router;
/// use koogallery::adapter::axum::route;
/// use koogallery::adapter::tower::AnswerCheck;
///
/// // Layers of the application stand between the two.
/// Router::new().route("/saasproduce", route(service)).layer(AnswerCheck::new())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AnswerCheck;

impl AnswerCheck {
    /// Returns the layer.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for AnswerCheck {
    type Service = CheckedAnswers<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CheckedAnswers { inner }
    }
}

/// The service of [`AnswerCheck`].
#[derive(Clone, Copy, Debug)]
pub struct CheckedAnswers<S> {
    inner: S,
}

impl<S, Q, B> Service<Request<Q>> for CheckedAnswers<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: Body,
{
    type Response = Response<CheckedBody<B>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let slot = Slot::default();
        request.extensions_mut().insert(slot.clone());
        let answering = self.inner.call(request);
        async move {
            let answer = answering.await?;
            let headers = answer.headers();
            let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
            let comparison = Comparison::of_head(&slot, answer.status().as_u16(), header);
            Ok(answer.map(|body| CheckedBody { body: Box::pin(body), comparison }))
        }
        .boxed()
    }
}

/// The body of an answer, compared while it is sent.
pub struct CheckedBody<B> {
    body: Pin<Box<B>>,
    comparison: Comparison,
}

impl<B> std::fmt::Debug for CheckedBody<B> {
    /// The body may hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckedBody").finish_non_exhaustive()
    }
}

impl<B: Body<Data = Bytes>> Body for CheckedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(self.body.as_mut().poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.comparison.piece(data.chunk());
                }
                if self.body.is_end_stream() {
                    self.comparison.end();
                }
            }
            Some(Err(_)) => self.comparison.give_up(),
            None => self.comparison.end(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
