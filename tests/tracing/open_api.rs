//! The record of an open-API call through `tracing`: its fields, and that nothing of it is secret.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use koogallery::adapter::tracing::TracingObserver;
use koogallery::clock::ManualClock;
use koogallery::key::Credentials;
use koogallery::open_api::{Client, query_order};
use koogallery::runtime::Runtime;
use koogallery::site::Site;
use koogallery::timestamp::Timestamp;
use koogallery::transport::{Transport, TransportError};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::Line;

/// Everything that is recorded, a line each.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<String>>);

impl Recorder {
    fn line(&self, what: &str, record: impl FnOnce(&mut Line<'_>)) {
        let mut text = self.0.lock().unwrap();
        text.push_str(what);
        record(&mut Line(&mut text));
        text.push('\n');
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.line(span.metadata().name(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.line("then", |line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        assert_eq!(event.parent(), Some(&Id::from_u64(1)), "in the span of its call");
        self.line("event", |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Answers from a script; the clock moves while it waits.
struct Script {
    replies: Mutex<VecDeque<Result<Response<Bytes>, TransportError>>>,
    clock: Arc<ManualClock>,
}

impl Transport for Script {
    fn send(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        self.clock.advance(Duration::from_millis(40));
        ready(self.replies.lock().unwrap().pop_front().unwrap()).boxed()
    }
}

struct NoWait;

impl Runtime for NoWait {
    fn spawn(&self, _: BoxFuture<'static, ()>) {}

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }
}

/// What is recorded of one order query that is answered so.
fn recorded(replies: impl IntoIterator<Item = Result<Response<Bytes>, TransportError>>) -> String {
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix_millis(1_735_787_045_000)));
    let script = Script { replies: Mutex::new(replies.into_iter().collect()), clock: Arc::clone(&clock) };
    let credentials = Credentials::new("ACCESS-ID", "SECRET").unwrap().with_security_token("SECRET-TOKEN").unwrap();
    let client = Client::builder(Site::China, script, NoWait).clock(clock).credentials(credentials);
    let client = client.observer(TracingObserver).build().unwrap();
    let recorder = Recorder::default();
    tracing::subscriber::with_default(recorder.clone(), || {
        let _ = client.call(&query_order::Request::new("CS-SECRET")).now_or_never().unwrap();
    });
    let text = recorder.0.lock().unwrap().clone();
    for secret in ["SECRET", "ACCESS-ID", "Signature", "18600000000", "/order/query", "myhuaweicloud"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    text
}

fn answer(status: u16, body: &'static str) -> Result<Response<Bytes>, TransportError> {
    let answer = Response::builder().status(status).header("x-request-id", "r-7").header("x-trace", "SECRET");
    Ok(answer.body(Bytes::from_static(body.as_bytes())).unwrap())
}

#[test]
fn a_call_is_a_span_and_every_further_try_an_event() {
    let busy = r#"{"resultCode":"MKT.0250","resultMsg":"SECRET"}"#;
    let order = r#"{"resultCode":"MKT.0000","orderInfo":{"orderId":"CS-SECRET","orderType":"NEW",
        "buyerInfo":{"customerId":"SECRET","mobilePhone":"18600000000"}}}"#;
    let unreachable = Err(TransportError::Connect("no route to mkt.myhuaweicloud.com".into()));
    let text = recorded([answer(406, busy), unreachable, answer(200, order)]);
    let without_pauses: Vec<_> = text.lines().map(|line| line.split(" pause_ms=").next().unwrap()).collect();
    assert_eq!(
        without_pauses,
        [
            r#"open_api.call api="query order""#,
            r#"event message=tried again attempt=1 outcome="refused by the marketplace" code="MKT.0250""#,
            r#"event message=tried again attempt=2 outcome="host not reached""#,
            r#"then outcome="success""#,
            "then attempts=3",
            "then status=200",
            "then",
            r#"then request_id="r-7""#,
            "then duration_ms=120",
        ]
    );
}

#[test]
fn a_failure_is_recognized_by_code_and_never_by_what_was_received() {
    let canonical = "verify aksk signature fail, canonicalRequest:GET|/order/query/|orderId=CS-SECRET|host:SECRET";
    let refused = format!(r#"{{"error_code":"APIGW.0301","error_msg":"{canonical}","request_id":"r-8"}}"#);
    let text = recorded([answer(401, String::leak(refused))]);
    for expected in ["refused by the gateway", "status=401", r#"code="APIGW.0301""#, r#"request_id="r-8""#] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    // The text of this error quotes the value that was not expected.
    let odd = r#"{"resultCode":"MKT.0000","orderInfo":{"orderId":["18600000000"]}}"#;
    let text = recorded([answer(200, odd)]);
    assert!(text.contains("malformed success") && !text.contains("18600000000"), "{text}");
    assert!(recorded([answer(200, "<html>SECRET"), answer(404, "")]).contains("unexpected content"));
}
