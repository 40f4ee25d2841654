//! The check of answers as a middleware of actix-web.

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

use crate::adapter::answer_check::{AnswerCheck, CheckedAnswers, CheckedBody, Comparison, Slot};

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
            Ok(answer.map_body(|_, body| CheckedBody::new(body, comparison)))
        }
        .boxed_local()
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
