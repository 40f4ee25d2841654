//! Comparing the answers of a service with what leaves after other layers; shared by the frameworks, each of which
//! implements its traits for these types.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderValue, Response, StatusCode};

use crate::callback::CallbackService;
use crate::signature::body_sign;

/// A layer of tower, and a middleware of actix-web, that compares the answers of an
/// [`Endpoint`](crate::adapter::tower::Endpoint) with what leaves: other layers may compress or rewrite them, and the
/// marketplace then reads nothing, or finds that `Body-Sign` does not fit. What was changed comes to the service's observer,
/// as [`CallbackEvent::AnswerChanged`](crate::callback::CallbackEvent::AnswerChanged).
///
/// For development and first days in production. Has to be the outermost layer, so the last that is added, and changes
/// nothing. What a proxy does afterwards is not seen here: `koogallery check` finds that.
///
#[cfg_attr(feature = "axum-0_8", doc = "```")]
#[cfg_attr(not(feature = "axum-0_8"), doc = "```ignore")]
/// # fn example(service: koogallery::callback::CallbackService) -> axum::Router {
/// use axum::Router;
/// use koogallery::adapter::axum::route;
/// use koogallery::adapter::tower::AnswerCheck;
///
/// // Layers of the application stand between the two.
/// Router::new().route("/saasproduce", route(service)).layer(AnswerCheck::new())
/// # }
/// ```
///
#[cfg_attr(feature = "actix-4", doc = "```")]
#[cfg_attr(not(feature = "actix-4"), doc = "```ignore")]
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
    /// Returns the layer.
    pub fn new() -> Self {
        Self
    }
}

/// The service of [`AnswerCheck`].
#[derive(Clone, Copy, Debug)]
pub struct CheckedAnswers<S> {
    pub(super) inner: S,
}

/// The body of an answer, compared while it is sent.
pub struct CheckedBody<B> {
    pub(super) body: Pin<Box<B>>,
    pub(super) comparison: Comparison,
}

impl<B> CheckedBody<B> {
    pub(super) fn new(body: B, comparison: Comparison) -> Self {
        Self { body: Box::pin(body), comparison }
    }
}

impl<B> fmt::Debug for CheckedBody<B> {
    /// The body may hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedBody").finish_non_exhaustive()
    }
}

/// Travels with a request, for the endpoint to leave its answer in.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Given>>>);

/// An answer as the service gave it.
struct Given {
    service: CallbackService,
    status: StatusCode,
    signature: Option<HeaderValue>,
    body: Bytes,
}

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

/// The comparison of one answer; the first change is reported and ends it.
pub(super) struct Comparison {
    /// What is sent has to be equal to this; nothing once that is decided.
    given: Option<Given>,
    /// Bytes that were equal so far.
    at: usize,
}

impl Comparison {
    /// Compares the head of an answer with what was left for it; other routes leave nothing.
    pub(super) fn of_head<'h>(slot: &Slot, status: u16, header: impl Fn(&str) -> Option<&'h [u8]>) -> Self {
        let mut comparison = Self { given: slot.take(), at: 0 };
        if let Some(change) = comparison.given.as_ref().and_then(|given| change_of_head(given, status, header)) {
            comparison.report(&change);
        }
        comparison
    }

    /// Compares a piece of the body.
    pub(super) fn piece(&mut self, sent: &[u8]) {
        let Some(given) = &self.given else { return };
        let expected = given.body.get(self.at..self.at + sent.len());
        self.at += sent.len();
        if expected != Some(sent) {
            self.report("its body was rewritten");
        }
    }

    /// Ends the body.
    pub(super) fn end(&mut self) {
        if self.given.as_ref().is_some_and(|given| given.body.len() != self.at) {
            self.report("its body was rewritten");
        }
        self.given = None;
    }

    /// Ends the comparison of a body that breaks off.
    pub(super) fn give_up(&mut self) {
        self.given = None;
    }

    fn report(&mut self, change: &str) {
        if let Some(given) = self.given.take() {
            given.service.report_changed_answer(change);
        }
    }
}

fn change_of_head<'h>(given: &Given, status: u16, header: impl Fn(&str) -> Option<&'h [u8]>) -> Option<String> {
    if let Some(coding) = header(CONTENT_ENCODING.as_str()).filter(|coding| *coding != b"identity") {
        return Some(format!("it is compressed (content-encoding: {})", String::from_utf8_lossy(coding)));
    }
    if status != given.status.as_u16() {
        return Some(format!("HTTP status {} became {status}", given.status.as_u16()));
    }
    match (header(body_sign::HEADER), given.signature.as_ref().map(HeaderValue::as_bytes)) {
        (None, Some(_)) => Some("Body-Sign was removed".to_owned()),
        (found, signed) if found != signed => Some("Body-Sign was changed".to_owned()),
        _ => None,
    }
}
