//! The client against a scripted marketplace: what is signed, what is tried again, and what is not.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::key::{AccessKey, Credentials, KeyRing};
use koogallery::open_api::push_usage::{self, UsageRecord};
use koogallery::open_api::{
    CallError, Client, ClientBuilder, RetryPolicy, activate_license, push_usage_old, query_order,
};
use koogallery::runtime::Runtime;
use koogallery::signature::{aksk, usage_push};
use koogallery::site::Site;
use koogallery::timestamp::Timestamp;
use koogallery::transport::{Transport, TransportError};

const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_000);
const ORDER: &str = r#"{"resultCode":"MKT.0000","orderInfo":{"orderId":"CS1","orderType":"NEW","orderLine":[]}}"#;

type Reply = Result<Response<Bytes>, TransportError>;

/// Answers from a script, and keeps what it was sent and how long it was waited.
#[derive(Clone, Default)]
struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
    pauses: Arc<Mutex<Vec<Duration>>>,
}

impl Transport for Script {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Reply> {
        self.requests.lock().unwrap().push(request);
        let reply = self.replies.lock().unwrap().pop_front();
        ready(reply.expect("no more calls than scripted")).boxed()
    }
}

impl Runtime for Script {
    fn spawn(&self, _task: BoxFuture<'static, ()>) {
        unreachable!("a client spawns nothing");
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.pauses.lock().unwrap().push(duration);
        ready(()).boxed()
    }
}

struct Stage {
    script: Script,
    clock: Arc<ManualClock>,
    client: Client,
}

fn credentials() -> Credentials {
    Credentials::new("AccessKey", "SecretKey").unwrap()
}

fn stage(configure: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Stage {
    let (script, clock) = (Script::default(), Arc::new(ManualClock::new(NOW)));
    let builder = Client::builder(Site::China, script.clone(), script.clone()).clock(Arc::clone(&clock));
    let builder = builder.credentials(credentials()).access_key(AccessKey::new("test-access-key").unwrap());
    Stage { client: configure(builder).build().unwrap(), script, clock }
}

fn answer(status: u16, body: &'static str) -> Reply {
    Ok(Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap())
}

fn unreachable_host() -> Reply {
    Err(TransportError::Connect("no route".into()))
}

impl Stage {
    fn replies(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.replies.lock().unwrap().extend(replies);
    }

    fn query(&self) -> Result<query_order::Order, CallError> {
        self.client.call(&query_order::Request::new("CS1")).now_or_never().unwrap()
    }

    fn calls(&self) -> usize {
        self.script.requests.lock().unwrap().len()
    }

    fn hosts(&self) -> Vec<String> {
        self.script.requests.lock().unwrap().iter().map(|request| request.uri().host().unwrap().to_owned()).collect()
    }
}

#[test]
fn every_try_is_signed_again() {
    let stage = stage(|builder| builder);
    stage.replies([answer(500, r#"{"resultCode":"MKT.0999"}"#), Err(TransportError::Timeout), answer(200, ORDER)]);
    assert_eq!(stage.query().unwrap().order_id, "CS1");
    assert_eq!(stage.calls(), 3);
    for request in stage.script.requests.lock().unwrap().drain(..) {
        let (parts, body) = request.into_parts();
        assert_eq!(aksk::verify(&parts, &body, &credentials(), NOW), Ok(()));
        assert!(parts.headers["authorization"].is_sensitive(), "not for logs");
    }
}

#[test]
fn a_push_is_signed_with_the_access_key_over_the_bytes_sent() {
    let stage = stage(|builder| builder);
    stage.replies([Err(TransportError::Timeout), answer(200, r#"{"error_code":"MKT.0000"}"#)]);
    let record = UsageRecord::new("sn-1", "i-1", NOW, NOW, "12.5".parse().unwrap());
    let push = push_usage::Request::new(vec![record]).unwrap();
    assert!(stage.client.call(&push).now_or_never().unwrap().unwrap().is_all_taken());
    let requests = stage.script.requests.lock().unwrap();
    assert_eq!(requests[0].body(), requests[1].body(), "the same records, with the same ids");
    assert_ne!(requests[0].headers()["nonce"], requests[1].headers()["nonce"]);
    for request in requests.iter() {
        let header = |name: &str| request.headers()[name].to_str().unwrap();
        let ring = KeyRing::new(AccessKey::new("test-access-key").unwrap());
        let verified = usage_push::verify(&ring, header("signature"), header("ts"), header("nonce"), request.body());
        assert_eq!(verified, Ok(()));
        assert!(!request.headers().contains_key("authorization"));
    }
}

#[test]
fn pauses_grow_are_drawn_and_end() {
    let stage = stage(|builder| builder);
    stage.replies((0..4).map(|_| answer(503, "<html>")));
    assert!(stage.query().unwrap_err().is_retryable());
    assert_eq!(stage.calls(), RetryPolicy::default().attempts as usize);
    let pauses = stage.script.pauses.lock().unwrap().clone();
    for (pause, longest) in pauses.iter().zip([500, 1000, 2000]) {
        let longest = Duration::from_millis(longest);
        assert!((longest / 2..=longest).contains(pause), "{pauses:?}");
    }
    assert_eq!(pauses.len(), 3);
}

#[test]
fn what_would_fail_again_is_not_sent_again() {
    for (status, body) in [
        (401, r#"{"resultCode":"MKT.0150"}"#),
        (500, r#"{"resultCode":"MKT.0100"}"#),
        (200, r#"{"resultCode":"MKT.4242"}"#),
        (404, ""),
        (412, r#"{"resultCode":"MKT.0999"}"#),
        (301, ""),
        (401, r#"{"error_code":"APIGW.0301","error_msg":"x"}"#),
    ] {
        let stage = stage(|builder| builder);
        stage.replies([answer(status, body)]);
        assert!(!stage.query().unwrap_err().is_retryable(), "{body}");
        assert_eq!(stage.calls(), 1);
    }
}

#[test]
fn retry_after_is_waited_for_within_reason() {
    let throttled = |after: &str| {
        let answer = Response::builder().status(429).header("retry-after", after);
        Ok(answer.body(Bytes::from_static(br#"{"error_code":"APIG.0308"}"#)).unwrap())
    };
    let stage = stage(|builder| builder);
    stage.replies([throttled("7"), answer(200, ORDER)]);
    assert!(stage.query().is_ok());
    assert_eq!(*stage.script.pauses.lock().unwrap(), [Duration::from_secs(7)]);
    stage.replies([throttled("3600")]);
    assert!(stage.query().unwrap_err().is_retryable(), "later, by somebody who has the time");
    stage.replies([throttled("Thu, 02 Jan 2025 03:04:14 GMT"), answer(200, ORDER)]);
    assert!(stage.query().is_ok());
    assert_eq!(stage.script.pauses.lock().unwrap()[1..], [Duration::from_secs(9)]);
    stage.replies([throttled("Wed, 21 Oct 2026 07:28:00 GMT")]);
    assert!(stage.query().unwrap_err().is_retryable());
    // At once is not all at the same time.
    stage.replies([throttled("0"), answer(200, ORDER), throttled("Wed, 01 Jan 2025 00:00:00 GMT"), answer(200, ORDER)]);
    assert!(stage.query().is_ok() && stage.query().is_ok());
    assert!(stage.script.pauses.lock().unwrap()[2..].iter().all(|pause| *pause <= Duration::from_millis(500)));
}

#[test]
fn a_body_that_is_too_large_for_now_is_sent_again() {
    let too_large = |after: Option<&str>| {
        let builder = after.into_iter().fold(Response::builder().status(413), |builder, after| {
            // By the gateway's clock, which is an hour off.
            builder.header("date", "Thu, 02 Jan 2025 04:04:05 GMT").header("retry-after", after)
        });
        Ok(builder.body(Bytes::from_static(br#"{"error_code":"APIGW.0201"}"#)).unwrap())
    };
    let stage = stage(|builder| builder);
    stage.replies([too_large(Some("Thu, 02 Jan 2025 04:04:12 GMT")), answer(200, ORDER), too_large(None)]);
    assert!(stage.query().is_ok());
    assert_eq!(*stage.script.pauses.lock().unwrap(), [Duration::from_secs(7)]);
    assert!(!stage.query().unwrap_err().is_retryable());
    assert_eq!(stage.calls(), 3);
}

#[test]
fn a_refused_signature_tells_how_wrong_the_clock_is() {
    let stage = stage(|builder| builder);
    let refused = Response::builder().status(401).header("date", "Thu, 02 Jan 2025 03:21:05 GMT");
    stage.replies([Ok(refused.body(Bytes::from_static(br#"{"error_code":"APIGW.0301"}"#)).unwrap())]);
    let error = stage.query().unwrap_err();
    let CallError::Api(api) = &error else { panic!("{error}") };
    assert_eq!(api.clock_difference, Some(-1020));
    assert!(error.to_string().contains("this machine's clock is 1,020 s behind the gateway's"), "{error}");
}

fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn what_breaks_a_limit_is_not_sent() {
    let stage = stage(|builder| builder);
    let code = "P".repeat(65);
    let error = stage.client.call(&activate_license::Request::new(code)).now_or_never().unwrap().unwrap_err();
    assert!(matches!(error, CallError::Limit { api: "activate license", .. }) && !error.is_retryable());
    assert_eq!(chain(&error), "activate license: license has 65 characters, and may have 64");
    let record = UsageRecord::new("", "i-1", NOW, NOW, "1".parse().unwrap());
    let push = push_usage::Request::new(vec![record]).unwrap();
    let error = stage.client.call(&push).now_or_never().unwrap().unwrap_err();
    assert_eq!(chain(&error), "push usage: usage_records[0].metering_sn is empty");
    assert_eq!(stage.calls(), 0);
}

#[test]
fn an_unreachable_host_has_a_fallback_and_the_request_is_signed_for_it() {
    let stage = stage(|builder| builder);
    stage.replies([unreachable_host(), unreachable_host(), answer(200, ORDER)]);
    assert!(stage.query().is_ok());
    assert_eq!(stage.hosts(), ["mkt.myhuaweicloud.com", "mkt.myhuaweicloud.cn", "mkt.myhuaweicloud.com"]);
    for request in stage.script.requests.lock().unwrap().iter() {
        assert_eq!(request.headers()["host"], request.uri().host().unwrap());
    }
    // An answer, whatever it says, is no reason to change.
    stage.script.requests.lock().unwrap().clear();
    stage.replies([answer(502, ""), answer(200, ORDER)]);
    assert!(stage.query().is_ok());
    assert_eq!(stage.hosts(), ["mkt.myhuaweicloud.com"; 2]);

    let own = self::stage(|builder| builder.base_url("http://127.0.0.1:9".parse().unwrap()));
    own.replies((0..4).map(|_| unreachable_host()));
    assert!(own.query().is_err());
    assert_eq!(own.hosts(), ["127.0.0.1"; 4]);
}

#[test]
fn a_key_is_not_driven_into_its_lock() {
    let stage = stage(|builder| builder);
    let refused = || answer(401, r#"{"error_code":"APIGW.0301","error_msg":"x"}"#);
    stage.replies([refused(), refused(), answer(200, ORDER), refused(), refused(), refused()]);
    assert!(stage.query().is_err() && stage.query().is_err() && stage.query().is_ok(), "a success restarts the count");
    for _ in 0..3 {
        assert!(matches!(stage.query(), Err(CallError::Api(_))));
    }
    for _ in 0..5 {
        assert!(matches!(stage.query(), Err(CallError::Paused { .. })));
    }
    assert_eq!(stage.calls(), 6, "nothing is sent while paused");
    stage.clock.advance(Duration::from_secs(301));
    stage.replies([answer(200, ORDER)]);
    assert!(stage.query().is_ok());
    assert_eq!(stage.clock.now(), NOW.saturating_add(Duration::from_secs(301)));
}

#[test]
fn without_its_secret_nothing_is_sent() {
    let script = Script::default();
    let client = Client::builder(Site::China, script.clone(), script.clone()).build().unwrap();
    let query = client.call(&query_order::Request::new("CS1")).now_or_never().unwrap();
    assert!(matches!(query, Err(CallError::NoCredentials("query order"))));
    let record = UsageRecord::new("sn-1", "i-1", NOW, NOW, "1".parse().unwrap());
    let push = client.call(&push_usage::Request::new(vec![record]).unwrap()).now_or_never().unwrap();
    assert!(matches!(push, Err(CallError::NoAccessKey("push usage"))));
    let old = push_usage_old::UsageRecord::new("i-1", "P", NOW, NOW, "1".parse().unwrap());
    let push = client.call(&push_usage_old::Request::new(vec![old]).unwrap()).now_or_never().unwrap();
    assert!(matches!(push, Err(CallError::NoCredentials(_))));
    assert!(script.requests.lock().unwrap().is_empty());
}
