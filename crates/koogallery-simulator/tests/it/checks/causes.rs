//! The first line of the report, where the first valid call already goes wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use koogallery::callback::CallbackService;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::protocol::Protocol;
use koogallery_simulator::{Answer, Checker, HttpTarget, Profile, Report, Target, TargetError};
use tokio::net::TcpListener;

use crate::good::{self, Good};

async fn report_of(
    profile: impl Into<Profile>,
    status: u16,
    headers: &'static [(&str, &str)],
    body: &'static [u8],
) -> Report {
    let target = move |_: Request<Bytes>| async move {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(Bytes::from_static(body)).unwrap()
    };
    Checker::new(target, good::keys()).with_profile(profile).run().await.unwrap()
}

fn first(report: &Report) -> &str {
    assert!(!report.is_ok());
    &report.causes[0].headline
}

const PAGE: &[u8] = b"<html><body>no</body></html>";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[tokio::test]
async fn what_stands_in_front_is_named() {
    let report = report_of(Protocol::SaasV2, 404, &[], PAGE).await;
    assert_eq!(first(&report), "nothing at this path takes such calls (HTTP status 404)");
    assert!(report.causes[0].advice.contains("compare the path"));
    let report = report_of(Protocol::KitV2, 404, &[], PAGE).await;
    assert!(report.causes[0].advice.contains("/produceAPI/"), "{}", report.causes[0].advice);
    // As `express.json` does.
    let report = report_of(Protocol::SaasV2, 415, &[], PAGE).await;
    assert_eq!(first(&report), "the content type application/json;charset=utf8 is refused (HTTP status 415)");
    assert!(report.causes[0].advice.contains("express.raw"), "{}", report.causes[0].advice);
    let report = report_of(Protocol::SaasV2, 502, &[], PAGE).await;
    assert_eq!(first(&report), "a proxy answers in place of the endpoint (HTTP status 502)");
    let report = report_of(Protocol::SaasV2, 302, &[("location", "https://www.example.com/")], b"").await;
    assert_eq!(first(&report), "the address redirects (HTTP status 302) to another address, https://www.example.com/");
}

#[tokio::test]
async fn what_refuses_callers_before_a_call_is_read_is_named() {
    let headers: &[_] =
        &[("server", "nginx"), ("www-authenticate", "Basic realm=\"staff\""), ("content-type", "text/html")];
    let report = report_of(Protocol::SaasV2, 401, headers, PAGE).await;
    let password = "a password is asked for before a call is read (HTTP status 401, Basic realm=\"staff\"), by nginx (Server: nginx)";
    assert_eq!(first(&report), password);
    assert!(report.causes[0].advice.contains("`auth_basic off;`"), "{:?}", report.causes[0]);
    let report = report_of(Protocol::SaasV1, 403, &[("content-type", "text/html; charset=UTF-8")], PAGE).await;
    let page =
        "a page comes in place of an answer, from an allow-list, a firewall, or bot protection (HTTP status 403)";
    assert_eq!(first(&report), page);
    let report = report_of(Protocol::SaasV2, 429, &[("server", "nginx")], PAGE).await;
    assert!(first(&report).contains("calls are refused by a limit on their rate (HTTP status 429), probably of nginx"));
    assert!(report.causes[0].advice.contains("`limit_req`"), "{:?}", report.causes[0]);
    // As an endpoint may refuse a signature.
    let report = report_of(Protocol::SaasV2, 401, JSON, b"{\"error\":\"unauthorized\"}").await;
    assert!(first(&report).starts_with("right signatures are refused like missing ones (HTTP status 401)"));
}

/// Every so many calls are answered by something in front.
async fn with_refused(protocol: Protocol, every: usize, status: u16, server: &'static str) -> Report {
    let good = Good::of(protocol.into());
    let (service, calls) = (good.service.clone(), Arc::new(AtomicUsize::new(0)));
    let target = move |request: Request<Bytes>| {
        let (service, calls) = (service.clone(), Arc::clone(&calls));
        async move {
            // The first call is refused as well.
            if calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(every) {
                let response = Response::builder().status(status).header("content-type", "text/html");
                return response.header("server", server).body(Bytes::from_static(PAGE)).unwrap();
            }
            service.call(request).await
        }
    };
    Checker::new(target, good::keys()).with_profile(protocol).run().await.unwrap()
}

#[tokio::test]
async fn calls_that_are_refused_now_and_then_show_no_mistake_in_verifying() {
    for (protocol, every) in
        [(Protocol::SaasV2, 2), (Protocol::SaasV2, 3), (Protocol::SaasV1, 3), (Protocol::SaasV1, 4)]
    {
        let report = with_refused(protocol, every, 429, "nginx").await;
        let text = report.to_text(false);
        assert!(first(&report).contains("calls are refused by a limit on their rate (HTTP status 429)"), "{text}");
        assert!(!text.contains("verified wrongly"), "{text}");
        let report = with_refused(protocol, every, 400, "Kestrel").await;
        let text = report.to_text(false);
        assert!(!text.contains("verified wrongly") && !text.contains("its signature is accepted"), "{text}");
        let unsteady = "the same valid call is refused (HTTP status 400) and accepted the next time";
        // Otherwise the first purchase may be among those that are accepted.
        assert!(every > 2 || first(&report) == unsteady, "{text}");
    }
}

#[tokio::test]
async fn a_repeat_that_is_refused_by_chance_shows_no_weak_guard() {
    for every in 2..12 {
        let report = with_refused(Protocol::SaasV2, every, 429, "nginx").await;
        let text = report.to_text(false);
        assert!(!text.contains("replays are recognized by unsigned parts"), "{every}: {text}");
    }
}

/// A server that redirects every call, as a proxy with a certificate does; and its port.
async fn redirecting(location: impl Fn(u16) -> String) -> (u16, Report) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let headers = [("location", location(port)), ("server", "openresty/1.21.4.1".to_owned())];
    let router = axum::Router::new().fallback(async move || (StatusCode::MOVED_PERMANENTLY, headers.clone(), ""));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let target = HttpTarget::new(&format!("http://127.0.0.1:{port}/produce")).unwrap();
    (port, Checker::new(target, good::keys()).with_profile(Protocol::SaasV1).run().await.unwrap())
}

#[tokio::test]
async fn redirects_are_distinguished() {
    let (port, report) = redirecting(|port| format!("https://127.0.0.1:{port}/produce")).await;
    let headline = format!(
        "the address redirects (HTTP status 301) from http to https, https://127.0.0.1:{port}/produce, without the query, \
         by nginx (Server: openresty/1.21.4.1)"
    );
    assert_eq!(first(&report), headline);
    assert!(report.causes[0].advice.starts_with("register the https address"), "{:?}", report.causes[0]);
    assert!(report.causes[0].checks.contains(&"R5"), "{:?}", report.causes[0]);
    let (_, report) = redirecting(|_| "/produce/?a=b".to_owned()).await;
    assert!(
        first(&report).contains("for a slash at the end of the path, /produce/?a=b, by nginx"),
        "{}",
        first(&report)
    );
}

/// The bytes of an answer in lower case, as servers of several languages write them.
struct LowerCase(CallbackService, &'static str);

impl Target for LowerCase {
    async fn call(&self, request: Request<Bytes>) -> Result<Answer, TargetError> {
        let answer = Target::call(&self.0, request).await?;
        let headers = answer.headers.into_iter().chain([("server".to_owned(), self.1.to_owned())]);
        let headers = headers.filter(|(_, value)| !value.is_empty()).collect();
        Ok(Answer::from_wire(answer.status, headers, answer.body, answer.duration))
    }
}

#[tokio::test]
async fn a_header_in_lower_case_is_explained() {
    let cases = [
        (
            "",
            "so write HAProxy, Envoy, and servers on hyper or httptools",
            "`h1-case-adjust body-sign Body-Sign` (global)",
        ),
        ("envoy", "so writes Envoy (Server: envoy)", "proper_case_words: {}"),
        ("uvicorn", "so writes uvicorn (Server: uvicorn)", "uvicorn: `--http h11`"),
        ("Apache/2.4.71 (Debian)", "kept by Apache httpd (Server: Apache/2.4.71 (Debian))", "mod_headers"),
    ];
    for (server, headline, advice) in cases {
        let target = LowerCase(Good::new().service, server);
        let report = Checker::new(target, good::keys()).with_profile(Protocol::SaasV1).run().await.unwrap();
        let cause = report.causes.iter().find(|cause| cause.checks == ["F4"]).unwrap();
        assert!(cause.headline.starts_with("Body-Sign arrives as body-sign"), "{cause:?}");
        assert!(cause.headline.contains(headline) && cause.advice.contains(advice), "{cause:?}");
    }
}

#[tokio::test]
async fn answers_that_are_not_read_are_named() {
    let report = report_of(Protocol::SaasV2, 200, JSON, b"\x1f\x8b\x08\x00").await;
    assert_eq!(first(&report), "the body is compressed with gzip: the marketplace reads plain UTF-8 only");
    let text = report.to_text(false);
    assert!(text.contains("[4 bytes compressed with gzip]") && !text.contains('\u{fffd}'), "{text}");
}

#[tokio::test]
async fn refusals_are_distinguished() {
    let refusal =
        |code: &str| -> &'static [u8] { format!(r#"{{"resultCode":"{code}","resultMsg":"no"}}"#).into_bytes().leak() };
    let report = report_of(Protocol::SaasV2, 200, JSON, refusal("000001")).await;
    assert_eq!(
        first(&report),
        "right signatures are refused like missing ones (resultCode 000001), and no known mistake explains it"
    );
    let report = report_of(Protocol::SaasV2, 200, JSON, refusal("000005")).await;
    assert_eq!(first(&report), "a valid call is refused (resultCode 000005), and so is one without a signature");
    assert!(report.causes[0].advice.contains("--listen"));
}

/// A service that verifies with the key of another interface is known by that mistake.
#[tokio::test]
async fn a_key_of_another_interface_is_named() {
    let keys = |basic: &str, kit: &str| {
        let key = |text: &str| AccessKey::new(text).unwrap();
        let keys = AccessKeys::new().with(InterfaceType::Basic, key(basic)).unwrap();
        keys.with(InterfaceType::Kit, key(kit)).unwrap()
    };
    let service = Good::with_keys(keys("kit-key-0123456789", "other-key-0123456789")).service;
    let report = Checker::new(service, keys("basic-key-0123456789", "kit-key-0123456789")).run().await.unwrap();
    assert!(first(&report).contains("KOOGALLERY_KIT_KEY"), "{}", first(&report));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_is_named() {
    let target = |_: Request<Bytes>| async {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Response::new(Bytes::new())
    };
    let report = Checker::new(target, good::keys()).run().await.unwrap();
    assert!(first(&report).starts_with("the endpoint hangs at a valid call"), "{}", first(&report));
}

#[tokio::test]
async fn an_endpoint_that_crashes_is_named() {
    let target = |request: Request<Bytes>| async move {
        assert!(request.uri().path().is_empty(), "the seller's code panicked");
        Response::new(Bytes::new())
    };
    let report = Checker::new(target, good::keys()).run().await.unwrap();
    assert!(first(&report).starts_with("the endpoint's code fails at every valid call"), "{}", first(&report));
}
