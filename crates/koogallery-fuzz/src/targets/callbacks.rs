//! Callbacks of every protocol. The content is mutated first and signed then, so that it gets beyond the signature.

use std::cell::OnceCell;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use koogallery::CallbackService;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::{CallbackEvent, Observer};
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::clock::{Clock, ManualClock};
use koogallery::key::AccessKeys;
use koogallery::kit::{Version, sub_path};
use koogallery::ledger::MemoryLedger;
use koogallery::license_store::MemoryLicenseStore;
use koogallery::protocol::Protocol;
use koogallery::query::push_pair;
use koogallery::redact::Sensitive;
use koogallery::signature::body_sign;
use koogallery::testing::AcceptAll;
use koogallery_simulator::delivery::sign;
use koogallery_simulator::http1::{Reader, RequestHead};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::seeds::{NOW, access_keys, other_keys};

pub(super) fn saas_v2(data: &[u8]) {
    signed(Protocol::SaasV2, data);
}

pub(super) fn saas_v1(data: &[u8]) {
    signed(Protocol::SaasV1, data);
}

pub(super) fn kit_v2(data: &[u8]) {
    signed(Protocol::KitV2, data);
}

pub(super) fn kit_v1(data: &[u8]) {
    signed(Protocol::KitV1, data);
}

pub(super) fn license_code(data: &[u8]) {
    signed(Protocol::LicenseCode, data);
}

pub(super) fn license_online(data: &[u8]) {
    signed(Protocol::LicenseOnline, data);
}

pub(super) fn license_v1(data: &[u8]) {
    signed(Protocol::LicenseV1, data);
}

pub(super) fn order_notify(data: &[u8]) {
    signed(Protocol::OrderNotify, data);
}

/// A request as the bytes of a connection have it.
pub(super) fn received(data: &[u8]) -> Option<(RequestHead, Bytes)> {
    let mut reader = Reader::new(data, 64 * 1024);
    let head = reader.request_head().now_or_never()?.ok()??;
    let body = reader.request_body(&head).now_or_never()?.ok()?;
    Some((head, body))
}

/// Bytes of a connection. No call without a proof by one of the service's keys may succeed.
pub(super) fn unsigned(data: &[u8]) {
    let Some((head, body)) = received(data) else { return };
    let request = Request::builder().method(head.method.as_str()).uri(head.target.as_str()).body(body);
    let Ok(mut request) = request else { return };
    for (name, value) in head.headers.iter() {
        let name_and_value = HeaderName::try_from(name).ok().zip(HeaderValue::from_bytes(value).ok());
        name_and_value.map(|(name, value)| request.headers_mut().append(name, value));
    }
    let [response] = calls(other_keys(), [request]);
    if response.status() == StatusCode::OK {
        assert_ne!(code(&response), "000000", "a call without a proof succeeded");
    }
}

fn signed(protocol: Protocol, data: &[u8]) {
    let (scheme, keys) = (protocol.scheme(), access_keys());
    let (_, ring) = protocol.keys(&keys).expect("every interface has a key");
    // The activity of the Kit is in its path.
    let (path, content) = match data {
        [first, rest @ ..] if protocol.is_kit() => {
            let activities = protocol.activities();
            let activity = activities[usize::from(*first) % activities.len()];
            let version = if protocol == Protocol::KitV1 { Version::V1 } else { Version::V2 };
            (sub_path(version, activity).unwrap_or_default(), rest)
        }
        [] if protocol.is_kit() => return,
        data => (String::new(), data),
    };
    let is_get = *protocol.method() == Method::GET;
    let proof = sign(scheme, ring.signing_key(), "nonce-of-a-call-n", &NOW.as_unix_millis().to_string(), content);
    let proof = proof.unwrap_or_default();
    let mut query = if is_get { String::from_utf8_lossy(content).into_owned() } else { String::new() };
    let body = if is_get { Bytes::new() } else { Bytes::copy_from_slice(content) };
    if scheme.is_in_query() {
        proof.iter().for_each(|(name, value)| push_pair(&mut query, name, value));
    }
    let separator = if query.is_empty() { "" } else { "?" };
    let target = format!("/saasproduce{path}{separator}{query}");
    let Ok(mut request) = Request::builder().method(protocol.method()).uri(target).body(body) else { return };
    if !scheme.is_in_query() {
        for (name, value) in proof {
            if let Ok((name, value)) = HeaderName::try_from(name).map(|name| (name, value)) {
                request.headers_mut().extend(HeaderValue::try_from(value).map(|value| (name, value)));
            }
        }
    }
    // The same bytes again get the same answer, or, where nothing was changed, are refused.
    let [response, again] = calls(keys.clone(), [request.clone(), request]);
    code(&response);
    assert!(again.body() == response.body() || code(&again) == "000002", "{response:?} and {again:?}");
    let signature = response.headers().get(body_sign::HEADER).map(|value| value.to_str().expect("it is text"));
    if let Some(signature) = signature {
        body_sign::verify(ring, signature, response.body()).expect("the answer is signed as it is");
    }
    assert!(signature.is_some() || !protocol.signs_answers(), "the answer is not signed: {response:?}");
}

/// The result code of an answer, whose form is checked.
fn code(response: &Response<Bytes>) -> String {
    assert_eq!(response.status(), StatusCode::OK, "{response:?}");
    let answer: Value = serde_json::from_slice(response.body()).expect("every answer is JSON");
    let code = answer["resultCode"].as_str().expect("every answer has a result code").to_owned();
    assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
    code
}

/// Hands calls to a new service of all families.
fn calls<const N: usize>(keys: AccessKeys, requests: [Request<Bytes>; N]) -> [Response<Bytes>; N] {
    thread_local! {
        static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
    }
    RUNTIME.with(|runtime| {
        let new = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (runtime, service) = (runtime.get_or_init(new), service(keys, ManualClock::new(NOW)));
        requests.map(|request| runtime.block_on(call(&service, request)))
    })
}

async fn call(service: &CallbackService, request: Request<Bytes>) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    match service.check_head(&head) {
        Err(refusal) => refusal,
        Ok(mut incoming) => match incoming.push(&body) {
            Err(error) => service.refuse_body(&head, error),
            Ok(()) => service.call(Request::from_parts(head, incoming.finish())).await,
        },
    }
}

/// A service of all families that accepts everything.
pub(super) fn service(keys: AccessKeys, clock: impl Clock) -> CallbackService {
    CallbackService::builder(keys, TokioRuntime)
        .clock(clock)
        .observer(Silent)
        .subscription(AcceptAll::new(), MemoryLedger::new())
        .licensing(AcceptAll::new(), MemoryLedger::new(), MemoryLicenseStore::new())
        .orders(AcceptAll::new(), MemoryLedger::new())
        .directory(AcceptAll::new(), Readable)
        .build()
}

struct Silent;

impl Observer for Silent {
    fn on_event(&self, event: &CallbackEvent<'_>) {
        // Written as for a log.
        assert!(event.to_string().len() < 64 * 1024);
    }
}

/// RSA has a target of its own.
struct Readable;

impl ClientSecretDecryptor for Readable {
    fn decrypt(&self, _: &str) -> Result<Sensitive, ClientSecretError> {
        Ok(Sensitive::from("secret"))
    }
}
