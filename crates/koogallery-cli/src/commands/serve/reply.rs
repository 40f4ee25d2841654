//! Answers to people and scripts.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Full, StreamBody};
use koogallery_simulator::LifecycleError;
use serde_json::{Value, json};

use super::action::UnknownAction;
use super::control::HOME;
use super::lang::Lang;
use super::{detail, page};

/// A whole body, or events for as long as they are read.
pub type BoxBody = UnsyncBoxBody<Bytes, Infallible>;

/// Who gets the answer.
#[derive(Clone, Copy)]
pub struct Reader {
    pub is_browser: bool,
    pub lang: Lang,
}

/// Result of a request to the marketplace.
pub enum Outcome {
    Page(String),
    Json(Value),
    /// A call or a request in full.
    Detail(detail::Kind, Value),
    /// A file of the page, with its content type.
    Asset(&'static str, &'static str),
    Events(BoxStream<'static, Result<Frame<Bytes>, Infallible>>),
    /// Done, or begun.
    Done(Value),
    /// Done, with a page of its own below the home page.
    DoneAt(Value, String),
    /// Where a login leads.
    Login(String),
    /// A file to be saved: content type, name, and text.
    File(&'static str, String, String),
    /// JSON for scripts, and the page of it.
    Both(Value, String),
}

/// Why something was not done: the form is wrong, or the seller did not confirm.
pub enum NotDone {
    Form(String),
    Seller(LifecycleError),
}

impl From<String> for NotDone {
    fn from(why: String) -> Self {
        Self::Form(why)
    }
}

impl From<LifecycleError> for NotDone {
    fn from(error: LifecycleError) -> Self {
        Self::Seller(error)
    }
}

impl From<NotDone> for Refused {
    fn from(not: NotDone) -> Self {
        match not {
            NotDone::Form(why) => why.into(),
            NotDone::Seller(error) => error.into(),
        }
    }
}

/// Reason for a rejection.
pub struct Refused(pub StatusCode, pub String);

impl From<String> for Refused {
    /// The form is invalid.
    fn from(why: String) -> Self {
        Self(StatusCode::BAD_REQUEST, why)
    }
}

impl From<UnknownAction> for Refused {
    fn from(error: UnknownAction) -> Self {
        Self(StatusCode::NOT_FOUND, error.to_string())
    }
}

impl From<LifecycleError> for Refused {
    fn from(error: LifecycleError) -> Self {
        let status = match error {
            LifecycleError::Unknown(_) => StatusCode::NOT_FOUND,
            LifecycleError::GivenUp { .. } => StatusCode::BAD_GATEWAY,
            _ => StatusCode::CONFLICT,
        };
        Self(status, error.to_string())
    }
}

/// The page has no script but its own, and is in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // With none at all, browsers send forms without their origin.
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
];

const HTML: &str = "text/html; charset=utf-8";

/// A browser is redirected back to the page, or gets a page; a script gets JSON.
pub fn response(outcome: Result<Outcome, Refused>, reader: Reader) -> Response<BoxBody> {
    let Reader { is_browser, lang } = reader;
    let (mut location, mut file) = (None, None);
    let (status, content_type, text) = match outcome {
        Ok(Outcome::Events(events)) => {
            let mut response = Response::new(BoxBody::new(StreamBody::new(events)));
            with_headers(&mut response, "text/event-stream");
            return response;
        }
        Ok(Outcome::Done(_)) if is_browser => {
            location = Some(HOME.to_owned());
            (StatusCode::SEE_OTHER, "text/plain", String::new())
        }
        Ok(Outcome::DoneAt(_, path)) if is_browser => {
            location = Some(format!("{HOME}/{path}"));
            (StatusCode::SEE_OTHER, "text/plain", String::new())
        }
        Ok(Outcome::Login(url)) if is_browser => (StatusCode::OK, HTML, page::login(lang, &url)),
        Ok(Outcome::Detail(kind, value)) if is_browser => (StatusCode::OK, HTML, detail::page(lang, kind, &value)),
        Ok(Outcome::Both(_, page)) if is_browser => (StatusCode::OK, HTML, page),
        Ok(Outcome::File(content_type, name, text)) => {
            file = Some(name);
            (StatusCode::OK, content_type, text)
        }
        Ok(Outcome::Page(page)) => (StatusCode::OK, HTML, page),
        Ok(Outcome::Asset(content_type, text)) => (StatusCode::OK, content_type, text.to_owned()),
        Ok(Outcome::Json(json) | Outcome::Detail(_, json) | Outcome::Both(json, _)) => {
            (StatusCode::OK, "application/json", format!("{json}\n"))
        }
        Ok(Outcome::Done(json) | Outcome::DoneAt(json, _)) => {
            (StatusCode::ACCEPTED, "application/json", format!("{json}\n"))
        }
        Ok(Outcome::Login(url)) => (StatusCode::ACCEPTED, "application/json", format!("{}\n", json!({"url": url}))),
        Err(Refused(status, why)) if is_browser => (status, HTML, page::refusal(lang, &why)),
        Err(Refused(status, why)) => (status, "text/plain; charset=utf-8", format!("{why}\n")),
    };
    let mut response = Response::new(BoxBody::new(Full::from(text)));
    *response.status_mut() = status;
    with_headers(&mut response, content_type);
    if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    let disposition = file.map(|name| HeaderValue::try_from(format!("attachment; filename=\"{name}\"")));
    if let Some(Ok(disposition)) = disposition {
        response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// Returns an answer without a body.
pub fn empty(status: StatusCode) -> Response<BoxBody> {
    let mut response = Response::new(BoxBody::new(Full::from("")));
    *response.status_mut() = status;
    with_headers(&mut response, "text/plain");
    response
}

fn with_headers(response: &mut Response<BoxBody>, content_type: &'static str) {
    let headers = response.headers_mut();
    for (name, value) in HEADERS.into_iter().chain([(CONTENT_TYPE, content_type)]) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
