//! A layer that finds out what other layers do to answers on their way out.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_ENCODING, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tower_layer::Layer;
use tower_service::Service;

use crate::callback::CallbackService;
use crate::signature::body_sign;

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

/// An answer as the service gave it.
struct Given {
    service: CallbackService,
    status: StatusCode,
    signature: Option<HeaderValue>,
    body: Bytes,
}

/// Travels with a request, for the endpoint to leave its answer in.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Given>>>);

impl Slot {
    pub(super) fn leave(&self, service: &CallbackService, answer: &Response<Bytes>) {
        let given = Given {
            service: service.clone(),
            status: answer.status(),
            signature: answer.headers().get(body_sign::HEADER).cloned(),
            body: answer.body().clone(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(given);
    }

    fn take(&self) -> Option<Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
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
            // Other routes leave nothing.
            let given = slot.take().filter(|given| {
                let change = change_of_head(given, &answer);
                change.iter().for_each(|change| given.service.report_changed_answer(change));
                change.is_none()
            });
            Ok(answer.map(|body| CheckedBody { body: Box::pin(body), given, at: 0 }))
        }
        .boxed()
    }
}

fn change_of_head<B>(given: &Given, answer: &Response<B>) -> Option<String> {
    let headers = answer.headers();
    if let Some(coding) = headers.get(CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        return Some(format!("it is compressed (content-encoding: {})", String::from_utf8_lossy(coding.as_bytes())));
    }
    if answer.status() != given.status {
        return Some(format!("HTTP status {} became {}", given.status.as_u16(), answer.status().as_u16()));
    }
    match (headers.get(body_sign::HEADER), &given.signature) {
        (None, Some(_)) => Some("Body-Sign was removed".to_owned()),
        (found, signed) if found != signed.as_ref() => Some("Body-Sign was changed".to_owned()),
        _ => None,
    }
}

/// The body of an answer, compared while it is sent.
pub struct CheckedBody<B> {
    body: Pin<Box<B>>,
    /// What is sent has to be equal to this; nothing once that is decided.
    given: Option<Given>,
    /// Bytes that were equal so far.
    at: usize,
}

impl<B> std::fmt::Debug for CheckedBody<B> {
    /// The body may hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckedBody").field("at", &self.at).finish_non_exhaustive()
    }
}

impl<B> CheckedBody<B> {
    fn compare(&mut self, sent: &[u8]) {
        let Some(given) = &self.given else { return };
        let expected = given.body.get(self.at..self.at + sent.len());
        self.at += sent.len();
        if expected != Some(sent) {
            self.differs();
        }
    }

    fn end(&mut self) {
        match &self.given {
            Some(given) if given.body.len() != self.at => self.differs(),
            _ => self.given = None,
        }
    }

    fn differs(&mut self) {
        if let Some(given) = self.given.take() {
            given.service.report_changed_answer("its body was rewritten");
        }
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
                    self.compare(data.chunk());
                }
                if self.body.is_end_stream() {
                    self.end();
                }
            }
            Some(Err(_)) => self.given = None,
            None => self.end(),
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
