//! What the fuzz targets call: the readers of what others write or send, without files, sockets and printing. Not for other uses.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use koogallery::key::{AccessKey, AccessKeys};
use koogallery::protocol::SignatureScheme;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::http1::RequestHead;
use koogallery_simulator::{Answer, Marketplace, Masking};
use tower_service::Service as _;

use crate::commands::record::exchange::{Exchange, Written};
use crate::commands::record::wire::Received;
use crate::commands::replay;
use crate::commands::scenario::plan::Plan;
use crate::commands::serve::control::Control;
use crate::support::http_message::{Capture, query_of};
use crate::support::signed_call::{Judgement, SignedCall, activity, scheme_of};

/// A captured message.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Method and target; `None` for an answer.
    pub request: Option<(String, String)>,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body as it was sent.
    pub body: Vec<u8>,
}

/// Reads a captured message, as `verify`, `explain` and `replay` do.
///
/// # Errors
///
/// What is wrong with it.
pub fn captured(bytes: &[u8]) -> Result<Message, String> {
    let Capture { request, headers, body } = Capture::parse(bytes)?;
    Ok(Message { request, headers, body })
}

/// Signs a captured call again, as `replay` does; `None` without a signature.
///
/// # Errors
///
/// Why it cannot be repeated.
pub fn repeated(
    bytes: &[u8],
    key: &AccessKey,
    now: Timestamp,
) -> Option<Result<(SignatureScheme, Request<Bytes>), String>> {
    let capture = Capture::parse(bytes).ok()?;
    let (headers, (method, target)) = (capture.header_map().ok()?, capture.request_line().ok()?);
    let path = target.split('?').next().unwrap_or_default();
    let call = SignedCall { path, query: query_of(target), headers: &headers, body: &capture.body };
    let scheme = scheme_of(call)?;
    let signed = replay::resign::Signed::new(scheme, key, call, now);
    let request = signed.and_then(|signed| replay::request(method, path, &signed, &capture));
    Some(request.map(|request| (scheme, request)).map_err(|failure| failure.to_string()))
}

/// Returns the finding about a call's signature, as `record` and `serve` show it.
pub fn judged(path: &str, query: &str, headers: &HeaderMap, body: &[u8], keys: &AccessKeys, now: Timestamp) -> String {
    let call = SignedCall { path, query, headers, body };
    Judgement::of(call, &activity(call), keys, now).finding
}

/// Returns the files of a request and its answer, as `record` writes them.
pub fn recorded(head: RequestHead, body: Bytes, answer: Answer, keys: &AccessKeys, time: Timestamp) -> [Vec<u8>; 2] {
    let received = Received { head, body };
    let exchange = Exchange { received, outcome: Ok(answer), time, duration: Duration::ZERO };
    let Written { request, answer, .. } = exchange.written(1, keys, Masking::new(keys));
    [request, answer]
}

/// Reads a scenario, and returns how many steps it has.
///
/// # Errors
///
/// Line, column, and what is wrong there.
pub fn scenario(text: &str) -> Result<usize, String> {
    let plan = Plan::parse(text).map_err(|problem| problem.located(text).to_string())?;
    Ok(plan.steps.len())
}

/// An answer of the console, whose body may have no end.
pub type ConsoleAnswer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Returns what answers the requests to `koogallery serve`, for one marketplace.
pub fn console(
    marketplace: Marketplace,
    keys: &AccessKeys,
) -> impl Fn(Request<Bytes>) -> BoxFuture<'static, ConsoleAnswer> + use<> {
    let control = Control::new(marketplace.open_api().clone(), Some(marketplace), keys, "http://127.0.0.1:9090");
    move |request| {
        let mut control = control.clone();
        async move {
            let answer = control.call(request.map(Full::new)).await;
            answer.unwrap_or_else(|error| {
                let mut failed = Response::new(UnsyncBoxBody::new(Full::from(error.to_string())));
                *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                failed
            })
        }
        .boxed()
    }
}
