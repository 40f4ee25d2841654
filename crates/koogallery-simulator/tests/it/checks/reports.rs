//! The forms of a report, and what none of them may show.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use koogallery::key::AccessKeys;
use koogallery::protocol::Protocol;
use koogallery_simulator::{Checker, Profile, Report};
use serde_json::Value;

use crate::good::{self, Good, KEY};

/// Tells everything it knows, so that everything there is to hide is in some exchange.
async fn gossip(profile: impl Into<Profile>) -> (Report, Vec<String>) {
    let good = Good::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (service, signatures) = (good.service.clone(), Arc::clone(&seen));
    let target = move |request: Request<Bytes>| {
        let (service, signatures) = (service.clone(), Arc::clone(&signatures));
        async move {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let response = service.call(request).await;
            let is_accepted = response.body().windows(8).any(|bytes| bytes == b"\"000000\"");
            let sent =
                query.split('&').find_map(|pair| pair.strip_prefix("signature=").or(pair.strip_prefix("authToken=")));
            if let (true, Some(sent)) = (is_accepted, sent) {
                signatures.lock().unwrap().push(sent.to_owned());
            }
            let mut json: Value = serde_json::from_slice(response.body()).unwrap();
            json["resultMsg"] = format!("{KEY} <&\"'\u{1}]]> | {query} `").into();
            Response::builder()
                .header("x-key", KEY)
                .header("content-type", KEY)
                .status(201)
                .body(Bytes::from(json.to_string()))
                .unwrap()
        }
    };
    let report = Checker::new(target, good::keys()).with_profile(profile).run().await.unwrap();
    let signatures = seen.lock().unwrap().clone();
    (report, signatures)
}

#[tokio::test]
async fn no_report_shows_a_key_or_a_signature() {
    for profile in [Protocol::SaasV2, Protocol::SaasV1] {
        let (report, signatures) = gossip(profile).await;
        assert!(!signatures.is_empty() && report.failures().count() > 2);
        let debug = format!("{report:?}");
        for text in [report.to_text(true), report.to_json(), report.to_junit(), report.to_markdown(), debug] {
            assert!(!text.contains(KEY));
            assert!(!text.contains("Init#2025pw"));
            for signature in &signatures {
                assert!(!text.contains(signature.as_str()), "{profile}: {signature}");
            }
        }
    }
}

#[tokio::test]
async fn every_form_says_the_same() {
    let (report, _) = gossip(Protocol::SaasV2).await;
    let failed = report.failures().count();

    let json: Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!((json["ok"] == false, json["failed"].as_u64()), (true, Some(failed as u64)));
    assert_eq!(json["results"].as_array().unwrap().len(), report.results.len());

    let junit = report.to_junit();
    let xml = roxmltree::Document::parse(&junit).unwrap();
    let count = |name| xml.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!(count("testcase"), report.results.len());
    assert_eq!(count("failure").to_string(), xml.root_element().attribute("failures").unwrap());

    let text = report.to_text(false);
    assert!(text.starts_with("FAIL  saas-v2 on in process"), "{text}");
    assert!(!text.contains('\x1b') && report.to_text(true).contains('\x1b'));
    assert!(report.to_markdown().contains("| F1 | must | **failed** |"));
}

#[tokio::test]
async fn failures_of_one_cause_stand_together() {
    let (report, _) = gossip(Protocol::SaasV2).await;
    let text = report.to_text(false);
    assert_eq!(text.matches("the content type is not application/json").count(), 1, "{text}");
}

#[tokio::test]
async fn without_a_key_there_is_nothing_to_check() {
    let error =
        Checker::new(Good::new().service, AccessKeys::new()).with_profile(Protocol::KitV2).run().await.unwrap_err();
    assert!(error.to_string().contains("Kit"));
}

/// The report of a receiver that says yes to everything, as its author reads it. After a change on purpose:
/// `INSTA_UPDATE=always cargo test -p koogallery-simulator --all-features --test it reads_as_reviewed`.
#[tokio::test]
async fn a_report_reads_as_reviewed() {
    let yes = |_: Request<Bytes>| async {
        let answer = Bytes::from_static(br#"{"resultCode":"000000","resultMsg":"success","instanceId":"same"}"#);
        Response::builder().header("content-type", "application/json").body(answer).unwrap()
    };
    let report = Checker::new(yes, good::keys()).with_profile(Protocol::SaasV2).with_seed(7).run().await.unwrap();
    insta::assert_snapshot!(without_times_and_ids(&report.to_text(false)));
}

/// Replaces times and signatures, which differ between two runs.
fn without_times_and_ids(text: &str) -> String {
    let mut shown = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let is_hex = word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_varying = (is_number && word.len() > 6) || is_hex;
        shown.push_str(if is_varying { "#" } else { word });
        shown.push_str(&part[word.len()..]);
    }
    shown
}
