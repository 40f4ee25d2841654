//! Every known mistake, made on purpose and found out.

mod cases;
mod refusals;

use std::collections::HashMap;
use std::time::Duration;

use cases::{Case, cases};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use koogallery::key::{AccessKeys, Credentials, InterfaceType};
use koogallery::signature::diagnosis::{self, Diagnosis, Mistake};
use koogallery::signature::{VerifyError, Window};
use koogallery::timestamp::Timestamp;

const ALWAYS: Window = Window::symmetric(Duration::MAX);
const NOW: Timestamp = Timestamp::from_unix_millis(1_735_689_600_123);

fn keys(case: &Case) -> AccessKeys {
    let set: HashMap<_, _> = case.keys.iter().cloned().collect();
    AccessKeys::from_env_with(|name| set.get(name).cloned()).unwrap()
}

fn headers(headers: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    headers.iter().map(pair).collect()
}

fn diagnose(case: &Case) -> Diagnosis {
    let keys = keys(case);
    let signature = case.signature.as_str();
    let argument = |name| case.argument(name).unwrap_or_default();
    match case.scheme {
        "callback-v2" => {
            let encode = |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
            let [signature, timestamp, nonce] = [signature, argument("timestamp"), argument("nonce")].map(encode);
            let query = format!("signature={signature}&timestamp={timestamp}&nonce={nonce}");
            diagnosis::callback_v2(&keys, InterfaceType::Basic, &query, &case.body, NOW, ALWAYS)
        }
        "kit-v2" => {
            let headers = headers(&[
                ("x-sign", signature),
                ("x-timestamp", argument("timestamp")),
                ("x-nonce", argument("nonce")),
            ]);
            diagnosis::kit_v2(&keys, &headers, &case.body, NOW, ALWAYS)
        }
        "auth-token" => match case.argument("query") {
            Some(query) => {
                let token = percent_encoding::utf8_percent_encode(signature, percent_encoding::NON_ALPHANUMERIC);
                let query = format!("{query}&authToken={token}");
                diagnosis::auth_token(&keys, InterfaceType::V1, &query, NOW, ALWAYS)
            }
            None => {
                let headers = headers(&[("authToken", signature)]);
                diagnosis::auth_token_body(&keys, InterfaceType::V1, &headers, &case.body, NOW, ALWAYS)
            }
        },
        "body" => diagnosis::body_sign(&keys, InterfaceType::V1, signature, &case.body),
        "usage" => diagnosis::usage_push(&keys, signature, argument("ts"), argument("nonce"), &case.body),
        "aksk" => {
            let mut request = Request::builder().method(argument("method")).uri(argument("url"));
            for (_, value) in case.arguments.iter().filter(|(name, _)| *name == "header") {
                let (name, value) = value.split_once(": ").unwrap();
                request = request.header(name, value);
            }
            let request = request.header("x-sdk-date", argument("date")).header("authorization", signature);
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let credentials = Credentials::new("AccessKey", "SecretKey").unwrap();
            let now = Timestamp::parse_basic_iso(argument("date")).unwrap();
            diagnosis::aksk(&parts, &case.body, &credentials, &keys, now)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn every_mistake_is_named() {
    let mut wrong = Vec::new();
    for case in cases() {
        let found = diagnose(&case);
        let expected = match case.expected.as_slice() {
            [] => Diagnosis::Right,
            mistakes => Diagnosis::Explained(mistakes.to_vec()),
        };
        if found != expected {
            let body = String::from_utf8_lossy(&case.body).into_owned();
            wrong.push(format!("{} {:?} {body}\n  {found}\n  {expected:?}", case.scheme, case.arguments));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_no_mistake_gives_stays_unexplained() {
    for mut case in cases().into_iter().filter(|case| case.expected.is_empty()) {
        case.keys = vec![("KOOGALLERY_BASIC_KEY", "stranger".to_owned()), ("KOOGALLERY_KIT_KEY", "other".to_owned())];
        if case.scheme == "aksk" {
            let signature = case.signature.len() - 64;
            case.signature.replace_range(signature.., &"0".repeat(64));
        }
        let found = diagnose(&case);
        assert!(
            matches!(&found, Diagnosis::Unexplained { tried, .. } if tried.len() > 15),
            "{} {found:?}",
            case.scheme
        );
    }
}

#[test]
fn what_verification_refuses_is_reported() {
    let right = |scheme| cases().into_iter().find(|case| case.scheme == scheme && case.expected.is_empty()).unwrap();
    let refused = |scheme, change: fn(&mut Case)| {
        let mut case = right(scheme);
        change(&mut case);
        diagnose(&case)
    };
    assert_eq!(
        refused("callback-v2", |case| case.signature.clear()),
        Diagnosis::Refused(VerifyError::Unsigned("signature"))
    );
    assert_eq!(refused("callback-v2", |case| case.keys.clear()), Diagnosis::NoKey(InterfaceType::Basic));
    assert_eq!(refused("kit-v2", |case| case.keys.clear()), Diagnosis::NoKey(InterfaceType::Kit));
    for scheme in ["callback-v2", "kit-v2", "auth-token", "body", "usage"] {
        assert_eq!(refused(scheme, |case| case.signature.truncate(20)), Diagnosis::Unreadable, "{scheme}");
    }
    let unquoted = refused("body", |case| {
        case.signature = case.signature.replace('"', "");
        case.keys[0].1 = "stranger".to_owned();
    });
    assert!(matches!(&unquoted, Diagnosis::Unexplained { certain, .. } if *certain == [Mistake::QuotesMissing]));
    assert!(unquoted.to_string().starts_with("the values of Body-Sign have to stand in double quotes; none of"));
    assert_eq!(
        refused("auth-token", |case| case.arguments[0].1.push_str("&orderId=2")),
        Diagnosis::Refused(VerifyError::Repeated("orderId".to_owned()))
    );
}

#[test]
fn a_call_dated_in_another_zone_is_found_by_its_age() {
    let case = cases().into_iter().find(|case| case.scheme == "auth-token" && case.expected.is_empty()).unwrap();
    let token = percent_encoding::utf8_percent_encode(&case.signature, percent_encoding::NON_ALPHANUMERIC);
    let query = format!("{}&authToken={token}", case.argument("query").unwrap());
    let at = |now: &str| {
        diagnosis::auth_token(&keys(&case), InterfaceType::V1, &query, now.parse().unwrap(), Window::default())
    };
    assert_eq!(at("20250102030406"), Diagnosis::Right);
    assert_eq!(at("20250101190406"), Diagnosis::Explained(vec![Mistake::TimeZone(8)]));
    assert_eq!(at("20250102110406"), Diagnosis::Explained(vec![Mistake::TimeZone(-8)]));
    assert!(matches!(at("20250102110606"), Diagnosis::Refused(VerifyError::TooOld(_))));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(32))]

    /// Whatever stands in the place of a call: an answer, and no panic.
    #[test]
    fn noise_has_a_diagnosis(
        texts in proptest::array::uniform3("[ -~é欢\\u{feff}]{0,24}|[0-9]{10}|[0-9]{14,17}|[0-9a-f]{64}|[A-Za-z0-9+/]{43}="),
        query in "([a-z]{0,3}(=[ -~]{0,5}&)?){0,4}(&(signature|nonce|timestamp|timeStamp|authToken)=[0-9a-f%+]{0,70}){0,5}",
        body in "[ -~\\r\\n欢]{0,40}|\\{\"timeStamp\":\"[0-9]{14,17}\"(,\"[a-z]{2}\":(null|[0-9]|\"[ -!#-Z]{0,4}\"|\\[\\{\\}\\])){0,3}\\}",
    ) {
        let [a, b, c] = texts.each_ref().map(String::as_str);
        let set = |name: &str| name.ends_with("_KEY").then(|| format!("key-{}", name.len()));
        let keys = AccessKeys::from_env_with(|name| set(name).filter(|_| name.contains("BASIC") || name.contains("KIT"))).unwrap();
        let (v1, body) = (InterfaceType::V1, body.as_bytes());
        let headers: HeaderMap = [("x-sign", a), ("x-nonce", b), ("x-timestamp", c), ("authToken", a)]
            .into_iter()
            .filter_map(|(name, value)| Some((HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).ok()?)))
            .collect();
        let call = format!("signature={}&nonce={b}&timestamp={c}", "0".repeat(64));
        let mut request = Request::post("https://h/a?b=%20+&&c").header("x-sdk-date", "20250102T030405Z").body(()).unwrap().into_parts().0;
        let authorization = format!("SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date;{}, Signature={a}", b.trim());
        if let Ok(value) = HeaderValue::from_str(&authorization) {
            request.headers.insert("authorization", value);
        }
        let credentials = Credentials::new("AccessKey", "SecretKey").unwrap();
        for found in [
            diagnosis::callback_v2(&keys, InterfaceType::Basic, &query, body, NOW, ALWAYS),
            diagnosis::callback_v2(&keys, InterfaceType::Basic, &call, body, NOW, ALWAYS),
            diagnosis::kit_v2(&keys, &headers, body, NOW, ALWAYS),
            diagnosis::auth_token(&keys, v1, &query, NOW, ALWAYS),
            diagnosis::auth_token_body(&keys, v1, &headers, body, NOW, ALWAYS),
            diagnosis::body_sign(&keys, v1, a, body),
            diagnosis::usage_push(&keys, a, b, c, body),
            diagnosis::aksk(&request, body, &credentials, &keys, NOW),
        ] {
            let possible = match &found {
                Diagnosis::Right | Diagnosis::NoKey(_) => false,
                Diagnosis::Explained(mistakes) => matches!(**mistakes, [Mistake::SignedHeaderMissing(_)]),
                _ => true,
            };
            proptest::prop_assert!(possible, "{found:?}");
        }
    }
}

#[test]
fn nothing_found_tells_a_key() {
    for case in cases() {
        let text = format!("{0:?} {0}", diagnose(&case));
        for (_, key) in &case.keys {
            assert!(!key.split(',').any(|key| text.contains(key)), "{text}");
        }
    }
}
