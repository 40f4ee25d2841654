//! The first line of the report, where the first valid call already goes wrong.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::protocol::Protocol;
use koogallery_simulator::{Checker, Profile, Report};

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
    let report = report_of(Protocol::SaasV2, 502, &[], PAGE).await;
    assert_eq!(first(&report), "a proxy answers in place of the endpoint (HTTP status 502)");
    let report = report_of(Protocol::SaasV2, 302, &[("location", "https://www.example.com/")], b"").await;
    assert_eq!(first(&report), "the address redirects (HTTP status 302)");
}

#[tokio::test]
async fn answers_that_are_not_read_are_named() {
    let report = report_of(Protocol::SaasV2, 200, JSON, b"\x1f\x8b\x08\x00").await;
    assert_eq!(first(&report), "the body is compressed with gzip: the marketplace reads plain UTF-8 only");
}

#[tokio::test]
async fn refusals_are_told_apart() {
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
