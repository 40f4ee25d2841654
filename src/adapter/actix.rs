//! Routes for actix-web 4, which still speaks `http` 0.2: method, address and headers are carried over.
//!
//! An `App` applies its `.wrap(...)` to every route, and [must not change answers](super#layers-of-an-application).
//!
//! Header names are written with capital letters on HTTP/1.1, so `Body-Sign` stands there in its documented case.
//!
//! `HttpServer` closes connections that do not send a head within 5 seconds, and takes 25,000 connections per worker, which
//! is more than the usual limit of open files: 1024 on many systems. Silent clients can then keep others out. Set the limit
//! below that of the files, divided by the workers:
//!
//! ```no_run
//! # async fn example(service: koogallery::callback::CallbackService) -> std::io::Result<()> {
//! use std::time::Duration;
//! use actix_web::{App, HttpServer};
//! use koogallery::adapter::actix::routes;
//!
//! HttpServer::new(move || App::new().configure(routes("/saasproduce", service.clone())))
//!     .workers(2)
//!     .max_connections(400)
//!     .client_request_timeout(Duration::from_secs(5))
//!     .bind("127.0.0.1:8080")?
//!     .run()
//!     .await
//! # }
//! ```

mod answer_check;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Payload, ServiceConfig};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, Route};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::request::Parts;
use http::{Method, Request, Response, Uri};

use super::answer_check::Slot;
pub use super::answer_check::{AnswerCheck, CheckedAnswers, CheckedBody};
use super::tower::Endpoint;
use crate::kit;

/// Returns every path that the marketplace calls for a production address: the address itself, and behind it those of the Kit
/// (`/produceAPI/...`).
///
/// ```
/// # fn example(service: koogallery::callback::CallbackService) {
/// use actix_web::App;
/// use koogallery::adapter::actix::routes;
///
/// let app = App::new().configure(routes("/saasproduce", service));
/// # }
/// ```
pub fn routes(path: impl Into<String>, endpoint: impl Into<Endpoint>) -> impl FnOnce(&mut ServiceConfig) {
    let (path, endpoint) = (path.into(), endpoint.into());
    move |config| {
        let kit = format!("{}{}/{{message:.*}}", path.trim_end_matches('/'), kit::DIRECTORY);
        config.route(&path, route(endpoint.clone())).route(&kit, route(endpoint));
    }
}

/// Returns the route of a single path, without those of the Kit. All methods come here: those that no callback uses are refused.
///
/// ```
/// # fn example(service: koogallery::callback::CallbackService) {
/// use std::time::Duration;
/// use actix_web::App;
/// use koogallery::adapter::{actix::route, tower::Endpoint};
///
/// let endpoint = Endpoint::new(service).body_timeout(Duration::from_secs(5));
/// let app = App::new().route("/saasproduce", route(endpoint));
/// # }
/// ```
pub fn route(endpoint: impl Into<Endpoint>) -> Route {
    let endpoint = endpoint.into();
    actix_web::web::route().to(move |request: HttpRequest, payload: Payload| {
        let endpoint = endpoint.clone();
        async move { answer(endpoint, request, payload).await }
    })
}

async fn answer(endpoint: Endpoint, request: HttpRequest, payload: Payload) -> HttpResponse {
    // What actix-web took for a request has a method and an address.
    let Some(head) = head_of(&request) else { return HttpResponse::BadRequest().finish() };
    let pieces = payload.map_err(|error| error.to_string());
    response_of(endpoint.receive(head, pieces).await)
}

fn head_of(request: &HttpRequest) -> Option<Parts> {
    let mut head = Request::new(());
    *head.method_mut() = Method::from_bytes(request.method().as_str().as_bytes()).ok()?;
    if let Some(address) = request.uri().path_and_query() {
        // As it displays: `as_str` has no path for `http://host?query`.
        *head.uri_mut() = address.to_string().parse::<Uri>().ok()?;
    }
    for (name, value) in request.headers() {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        head.headers_mut().append(name, http::HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    if let Some(slot) = request.extensions().get::<Slot>() {
        head.extensions_mut().insert(slot.clone());
    }
    Some(head.into_parts().0)
}

fn response_of(response: Response<Bytes>) -> HttpResponse {
    let (head, body) = response.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponse::with_body(status, body).map_into_boxed_body();
    answer.head_mut().set_camel_case_headers(true);
    for (name, value) in &head.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}
