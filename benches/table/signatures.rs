//! Verifying, reading and signing, and the hashes that they cannot avoid.

use std::hint::black_box;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use koogallery::saas;
use koogallery::signature::{Window, auth_token, auth_token_body, body_sign, callback_v2, kit_v2, usage_push};
use koogallery_benches::calls::{Calls, KEY, NONCE, NOW};
use serde::de::IgnoredAny;
use sha2::Sha256;

use crate::sample::Kind::{Floor, Ours};
use crate::sample::Row;

const TIMESTAMP: &str = "1735689600123";
pub const V1_TIME: &str = "20250101000000123";
const KIT_V1_TIME: &str = "20250101080000123";
const KIT_V1: &str = r#"{"domainName":"tenant.example.com","flag":1,"instanceId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d","name":"Example","orderId":"CS2501010000ABCDE","tenantCode":"example","tenantId":"68cbc86abc2018ab880d92f36422fa0e","testFlag":0,"timeStamp":"20250101080000123"}"#;
const KIT_V1_SIGNED: &str = "domainName=tenant.example.com&flag=1&instanceId=5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d&name=Example&orderId=CS2501010000ABCDE&tenantCode=example&tenantId=68cbc86abc2018ab880d92f36422fa0e&testFlag=0&timeStamp=20250101080000123";

/// The bare hashes of the schemes, with the keyed state kept where the key does not change.
#[derive(Clone)]
pub struct Bare(Hmac<Sha256>);

impl Bare {
    pub fn new() -> Self {
        Self(Hmac::new_from_slice(KEY.as_bytes()).expect("any length"))
    }

    /// The two hashes of V2.0 and the compare.
    pub fn v2(&self, body: &str) -> bool {
        let digest = self.digest(black_box(body));
        let outer = self.0.clone().chain_update(KEY).chain_update(NONCE).chain_update(TIMESTAMP);
        // 64 characters of digest; that they are not hex changes nothing for the hash.
        outer.chain_update(digest).chain_update(digest).verify_slice(&[0; 32]).is_ok()
    }

    /// The hash of a token, whose key changes with every call.
    pub fn token(text: &str, time: &str) -> [u8; 32] {
        let key = [KEY, time].concat();
        let token = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length");
        token.chain_update(black_box(text)).finalize().into_bytes().into()
    }

    /// The hash of an answer.
    pub fn digest(&self, body: &str) -> [u8; 32] {
        self.0.clone().chain_update(body).finalize().into_bytes().into()
    }
}

/// Returns the text that the V1.0 query signs.
pub fn signed_text(calls: &Calls) -> String {
    let verified = auth_token::verify(&calls.ring, &calls.v1_query, NOW, Window::default()).expect("signed");
    let pairs: Vec<_> = verified.parameters().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(pairs.len(), 14);
    pairs.join("&")
}

pub fn rows(calls: &'static Calls, answer: &'static str) -> Vec<Row> {
    [v2(calls), reading(calls), kit(calls), v1(calls, answer), signing(calls, answer)].into_iter().flatten().collect()
}

fn is_v2(calls: &Calls, body: &str) -> bool {
    let (query, body) = (black_box(&calls.v2_query), black_box(body.as_bytes()));
    callback_v2::verify(&calls.ring, query, body, NOW, Window::default()).is_ok()
}

fn v2(calls: &'static Calls) -> Vec<Row> {
    let floor = |group| {
        let bare = Bare::new();
        Row::quick(group, "bare HMACs", Floor, move || bare.v2(&calls.body))
    };
    let spaced = calls.body.replace("\":\"", "\": \"");
    assert!(is_v2(calls, &calls.body) && is_v2(calls, &spaced) && !is_v2(calls, "{}"));
    let read = || {
        let body = black_box(calls.body.as_bytes());
        let verified = callback_v2::verify(&calls.ring, black_box(&calls.v2_query), body, NOW, Window::default());
        saas::v2::Callback::parse(&verified.expect("signed")).expect("a purchase")
    };
    vec![
        floor("v2-verify"),
        Row::quick("v2-verify", "koogallery", Ours, || is_v2(calls, &calls.body)),
        floor("v2-verify-spaced"),
        Row::quick("v2-verify-spaced", "koogallery", Ours, move || is_v2(calls, &spaced)),
        floor("v2-read"),
        Row::quick("v2-read", "koogallery", Ours, read),
    ]
}

fn reading(calls: &'static Calls) -> Vec<Row> {
    let skip = |group| {
        let skip = || serde_json::from_slice::<IgnoredAny>(black_box(calls.body.as_bytes())).is_ok();
        Row::quick(group, "serde_json that skips all", Floor, skip)
    };
    let body = calls.body.as_bytes();
    let v2 = callback_v2::verify(&calls.ring, &calls.v2_query, body, NOW, Window::default()).expect("signed");
    let v1 = auth_token::verify(&calls.ring, &calls.v1_query, NOW, Window::default()).expect("signed");
    vec![
        skip("v2-canonical"),
        Row::quick("v2-canonical", "koogallery", Ours, move || callback_v2::canonical(black_box(body))),
        skip("v2-parse"),
        Row::quick("v2-parse", "koogallery", Ours, move || saas::v2::Callback::parse(black_box(&v2)).is_ok()),
        Row::quick("v1-parse", "koogallery", Ours, move || saas::v1::Callback::parse(black_box(&v1)).is_ok()),
    ]
}

fn headers(pairs: impl IntoIterator<Item = (&'static str, String)>) -> HeaderMap {
    let header = |(name, value): (&str, String)| (name.parse().expect("a name"), value.parse().expect("text"));
    pairs.into_iter().map(header).collect()
}

fn kit(calls: &'static Calls) -> Vec<Row> {
    let (body, bare) = (calls.body.as_bytes(), Bare::new());
    let v2 = headers(kit_v2::signed_headers(&calls.key, NONCE, NOW, body));
    let verify_v2 = move || kit_v2::verify(&calls.ring, black_box(&v2), body, NOW, Window::default()).is_ok();
    let token = auth_token_body::sign(&calls.key, KIT_V1.as_bytes()).expect("a body");
    let v1 = headers([("authtoken", token)]);
    let verify_v1 = move || {
        let body = black_box(KIT_V1.as_bytes());
        auth_token_body::verify(&calls.ring, black_box(&v1), body, NOW, Window::default()).is_ok()
    };
    assert!(verify_v2() && verify_v1());
    vec![
        Row::quick("kit-v2-verify", "bare HMACs", Floor, move || bare.v2(&calls.body)),
        Row::quick("kit-v2-verify", "koogallery", Ours, verify_v2),
        Row::quick("kit-v1-verify", "a bare HMAC", Floor, || Bare::token(KIT_V1_SIGNED, KIT_V1_TIME)),
        Row::quick("kit-v1-verify", "koogallery", Ours, verify_v1),
    ]
}

fn v1(calls: &'static Calls, answer: &'static str) -> Vec<Row> {
    let verify = || auth_token::verify(&calls.ring, black_box(&calls.v1_query), NOW, Window::default()).is_ok();
    assert!(verify());
    let (text, bare) = (signed_text(calls), Bare::new());
    let both = text.clone();
    let exchange = move || verify().then(|| body_sign::sign(&calls.key, black_box(answer.as_bytes())));
    vec![
        Row::quick("v1-verify", "a bare HMAC", Floor, move || Bare::token(&text, V1_TIME)),
        Row::quick("v1-verify", "koogallery", Ours, verify),
        Row::quick("v1-exchange", "bare HMACs", Floor, move || (Bare::token(&both, V1_TIME), bare.digest(answer))),
        Row::quick("v1-exchange", "koogallery", Ours, exchange),
    ]
}

fn signing(calls: &'static Calls, answer: &'static str) -> Vec<Row> {
    let (bare, push) = (Bare::new(), Bare::new());
    let pushed = "ts=1735689600123&nonce=".to_owned() + NONCE + "&body=" + &calls.body;
    let sign = || usage_push::sign(&calls.key, TIMESTAMP, NONCE, black_box(calls.body.as_bytes()));
    vec![
        Row::quick("body-sign", "a bare HMAC", Floor, move || bare.digest(black_box(answer))),
        Row::quick("body-sign", "koogallery", Ours, || body_sign::sign(&calls.key, black_box(answer.as_bytes()))),
        Row::quick("usage-push", "a bare HMAC", Floor, move || push.digest(black_box(&pushed))),
        Row::quick("usage-push", "koogallery", Ours, sign),
    ]
}
