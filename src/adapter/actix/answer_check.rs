//! A middleware that finds out what other middleware does to answers on their way out.

use std::error::Error as StdError;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::HeaderValue;
use actix_web::{Error, HttpMessage as _};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use crate::adapter::answer_check::{Comparison, Slot};

/// As the tower layer of this name (`adapter::tower::AnswerCheck`), a middleware: compares the answers of the service with
/// what leaves after others, which may compress or rewrite them, and reports what was changed to the service's observer, as
/// [`CallbackEvent::AnswerChanged`](crate::callback::CallbackEvent::AnswerChanged).
///
/// Has to be the outermost one, so the last that is wrapped around the `App`, and changes nothing.
///
/// ```
/// # fn example(service: koogallery::callback::CallbackService) {
/// use actix_web::App;
/// use koogallery::adapter::actix::{AnswerCheck, routes};
///
/// // Middleware of the application stands between the two.
/// let app = App::new().configure(routes("/saasproduce", service)).wrap(AnswerCheck::new());
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AnswerCheck;

impl AnswerCheck {
    /// Returns the middleware.
    pub fn new() -> Self {
        Self
    }
}

impl<S, B> Transform<S, ServiceRequest> for AnswerCheck
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<CheckedBody<B>>;
    type Error = Error;
    type Transform = CheckedAnswers<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(CheckedAnswers { inner }))
    }
}

/// The service of [`AnswerCheck`].
#[derive(Clone, Copy, Debug)]
pub struct CheckedAnswers<S> {
    inner: S,
}

impl<S, B> Service<ServiceRequest> for CheckedAnswers<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<CheckedBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let slot = Slot::default();
        request.extensions_mut().insert(slot.clone());
        let answering = self.inner.call(request);
        async move {
            let answer = answering.await?;
            let headers = answer.headers();
            let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
            let comparison = Comparison::of_head(&slot, answer.status().as_u16(), header);
            Ok(answer.map_body(|_, body| CheckedBody { body: Box::pin(body), comparison }))
        }
        .boxed_local()
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

impl<B: MessageBody> MessageBody for CheckedBody<B> {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let piece = ready!(self.body.as_mut().poll_next(context));
        match &piece {
            Some(Ok(piece)) => self.comparison.piece(piece),
            Some(Err(_)) => self.comparison.give_up(),
            None => self.comparison.end(),
        }
        Poll::Ready(piece.map(|piece| piece.map_err(Into::into)))
    }
}
