//! The check of answers as a layer of tower.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower_layer::Layer;
use tower_service::Service;

use crate::adapter::answer_check::{AnswerCheck, CheckedAnswers, CheckedBody, Comparison, Slot};

impl<S> Layer<S> for AnswerCheck {
    type Service = CheckedAnswers<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CheckedAnswers { inner }
    }
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
            Ok(answer.map(|body| CheckedBody::new(body, comparison)))
        }
        .boxed()
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
