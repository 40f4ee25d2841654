//! The signatures of the joint-operations Kit: any change breaks them, and nothing can be divided differently.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use koogallery::key::{AccessKey, KeyRing};
use koogallery::result_code::ResultCode;
use koogallery::signature::{VerifyError, Window, auth_token_body, kit_v2};
use koogallery::timestamp::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

const NOW: Timestamp = Timestamp::from_unix_millis(1_709_605_800_123);
const NONCE: &str = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";
const BODY: &str = r#"{"tenantId":"t","instanceId":"","flag":1,"testFlag":1,"userList":[{"b":1,"a":null}],"timeStamp":"20240305103000123"}"#;
const CANONICAL: &str = r#"{"flag":1,"instanceId":"","tenantId":"t","testFlag":1,"timeStamp":"20240305103000123","userList":[{"b":1,"a":null}]}"#;

fn key() -> AccessKey {
    AccessKey::new("test-key-0002").unwrap()
}

fn headers<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

// V2.0

fn verify_v2(sign: &str, timestamp: &str, nonce: &str, body: &[u8]) -> Result<(), VerifyError> {
    let headers = headers([("x-sign", sign), ("x-timestamp", timestamp), ("x-nonce", nonce)]);
    kit_v2::verify(&KeyRing::new(key()), &headers, body, NOW, Window::default()).map(|_| ())
}

fn now() -> String {
    NOW.as_unix_millis().to_string()
}

#[test]
fn a_body_counts_in_canonical_form_or_as_received() {
    let canonical = kit_v2::sign(&key(), NONCE, &now(), CANONICAL.as_bytes());
    let spaced = CANONICAL.replace(':', " : ").replace("{\"flag", "\n{\"added\":null,\"flag");
    for written in [CANONICAL, BODY, &spaced] {
        assert_eq!(verify_v2(&canonical, &now(), NONCE, written.as_bytes()), Ok(()), "{written}");
        assert_eq!(verify_v2(&canonical.to_lowercase(), &now(), NONCE, written.as_bytes()), Ok(()));
    }
    for written in [BODY, &spaced] {
        let raw = kit_v2::sign(&key(), NONCE, &now(), written.as_bytes());
        assert_eq!(verify_v2(&raw, &now(), NONCE, written.as_bytes()), Ok(()));
        assert_eq!(verify_v2(&raw, &now(), NONCE, CANONICAL.as_bytes()), Err(VerifyError::Mismatch));
    }
    for other in [
        CANONICAL.replace("\"b\":1,\"a\":null", "\"a\":null,\"b\":1"),
        CANONICAL.replace(",\"a\":null", ""),
        CANONICAL.replace("\"flag\":1", "\"flag\":\"1\""),
        CANONICAL.replace("\"instanceId\":\"\",", ""),
        CANONICAL.replace("{\"flag\"", "{\"added\":\"\",\"flag\""),
    ] {
        assert_eq!(verify_v2(&canonical, &now(), NONCE, other.as_bytes()), Err(VerifyError::Mismatch), "{other}");
    }
    let repeated = CANONICAL.replace("{\"flag\"", "{\"flag\":0,\"flag\"");
    let named = VerifyError::RepeatedMember("flag".to_owned());
    assert_eq!(verify_v2(&canonical, &now(), NONCE, repeated.as_bytes()), Err(named));
}

#[test]
fn every_fault_has_its_code() {
    let signed = kit_v2::signed_headers(&key(), NONCE, NOW, BODY.as_bytes());
    let verify = |map: &HeaderMap, now: Timestamp| {
        kit_v2::verify(&KeyRing::new(key()), map, BODY.as_bytes(), now, Window::default()).map(|_| ())
    };
    let good = headers(signed.iter().map(|(name, value)| (*name, value.as_str())));
    assert_eq!(verify(&good, NOW), Ok(()));

    let (parameter, signature) = (ResultCode::InvalidParameter, ResultCode::AuthenticationFailed);
    for (name, code) in [("x-timestamp", parameter), ("x-nonce", parameter), ("x-sign", signature)] {
        let mut missing = good.clone();
        missing.remove(name);
        let mut empty = good.clone();
        empty.insert(name, HeaderValue::from_static(""));
        let mut malformed = good.clone();
        malformed.insert(name, HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        for faulty in [missing, empty, malformed] {
            assert_eq!(verify(&faulty, NOW).unwrap_err().result_code(), code, "{faulty:?}");
        }
        let mut repeated = good.clone();
        repeated.append(name, repeated[name].clone());
        assert_eq!(verify(&repeated, NOW), Err(VerifyError::Repeated(name.to_owned())));
    }

    let at = |millis: i64| Timestamp::from_unix_millis(NOW.as_unix_millis() + millis);
    assert_eq!((verify(&good, at(60_000)), verify(&good, at(-60_000))), (Ok(()), Ok(())));
    assert_eq!(verify(&good, at(60_001)), Err(VerifyError::TooOld(Duration::from_millis(60_001))));
    assert_eq!(verify(&good, at(-60_001)), Err(VerifyError::TooFarAhead(Duration::from_millis(60_001))));
    assert_eq!(verify(&good, at(60_001)).unwrap_err().result_code(), parameter);

    let other = KeyRing::new(AccessKey::new("another").unwrap());
    let outcome = kit_v2::verify(&other, &good, BODY.as_bytes(), NOW, Window::default()).map(|_| ());
    assert_eq!(outcome, Err(VerifyError::Mismatch));
    let rotated = other.with_previous(key());
    let verified = kit_v2::verify(&rotated, &good, BODY.as_bytes(), NOW, Window::default()).unwrap();
    assert_eq!((verified.key_index(), verified.nonce(), verified.time()), (1, NONCE, NOW));
    assert!(!format!("{verified:?}").contains("tenantId"));
}

#[test]
fn timestamps_have_13_digits() {
    for timestamp in ["1709605800", "01709605800123", "170960580012", "1709605800123 ", "+709605800123", "x"] {
        let sign = kit_v2::sign(&key(), NONCE, timestamp, CANONICAL.as_bytes());
        let outcome = verify_v2(&sign, timestamp, NONCE, CANONICAL.as_bytes());
        assert_eq!(outcome, Err(VerifyError::Malformed("x-timestamp")), "{timestamp}");
    }
}

/// Key, nonce, timestamp and body are signed without marks between them.
#[test]
fn what_was_signed_can_be_divided_in_one_way_only() {
    // Digits that stand in the nonce and in the body, so that every division has a plausible time.
    let nonce = "0F1709605800123";
    let body = r#"{"1709605800123{":"1709605800123{\"a\":1}","b":"1709605800123{"}"#;
    let whole = format!("{nonce}{}{body}", now());
    let sign = kit_v2::sign(&key(), nonce, &now(), body.as_bytes());
    assert_eq!(verify_v2(&sign, &now(), nonce, body.as_bytes()), Ok(()));
    let cuts = |from: usize| (from..whole.len()).filter(|&at| whole.is_char_boundary(at));
    for first in cuts(1) {
        for second in cuts(first + 1) {
            let [nonce_, timestamp, body_] = [&whole[..first], &whole[first..second], &whole[second..]];
            let is_original = (nonce_, body_) == (nonce, body);
            assert_eq!(
                verify_v2(&sign, timestamp, nonce_, body_.as_bytes()).is_ok(),
                is_original,
                "{nonce_} {timestamp} {body_}"
            );
        }
    }
}

#[test]
fn odd_nonces_are_refused() {
    for nonce in ["a b", "a{", "\u{e9}", &"a".repeat(129)] {
        let sign = kit_v2::sign(&key(), nonce, &now(), CANONICAL.as_bytes());
        let outcome = verify_v2(&sign, &now(), nonce, CANONICAL.as_bytes());
        assert_eq!(outcome, Err(VerifyError::Malformed("x-nonce")), "{nonce}");
    }
    let nonce = "-_.~!".repeat(25);
    let sign = kit_v2::sign(&key(), &nonce, &now(), CANONICAL.as_bytes());
    assert_eq!(verify_v2(&sign, &now(), &nonce, CANONICAL.as_bytes()), Ok(()));
}

// V1.0

const V1_BODY: &str = r#"{"instanceId":"","tenantId":"t","name":"示例 & Co","flag":1,"testFlag":1,"timeStamp":"20240305103000123","userList":"[{\"position\":\"R&D\"}]"}"#;

fn verify_v1(token: &str, body: &str) -> Result<(), VerifyError> {
    let headers = headers([("authToken", token)]);
    auth_token_body::verify(&KeyRing::new(key()), &headers, body.as_bytes(), NOW, Window::default()).map(|_| ())
}

fn token(body: &str) -> String {
    auth_token_body::sign(&key(), body.as_bytes()).unwrap()
}

#[test]
fn a_token_is_taken_as_it_may_arrive() {
    // A body whose token holds what is lost on the way.
    let body = (0..).map(|number| V1_BODY.replace("\"t\"", &format!("\"t{number}\"")));
    let body = body.into_iter().find(|body| token(body).contains('+') && token(body).contains('/')).unwrap();
    let token = token(&body);
    let encoded = token.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D");
    for arriving in [
        token.clone(),
        format!("\"{token}\""),
        format!("\"{token}”"),
        format!("“{token}”"),
        encoded.clone(),
        format!("\"{encoded}\""),
        token.replace('+', " "),
    ] {
        assert_eq!(verify_v1(&arriving, &body), Ok(()), "{arriving}");
    }
    for faulty in [
        format!("\"{token}"),
        format!("\"\"{token}\"\""),
        format!("'{token}'"),
        token.trim_end_matches('=').to_owned(),
        format!("{token}="),
        token.replace('/', "_"),
        encoded.replace('%', "%25"),
        "%ff".to_owned(),
    ] {
        assert_eq!(verify_v1(&faulty, &body), Err(VerifyError::Malformed("authToken")), "{faulty}");
    }
    assert_eq!(verify_v1("", &body), Err(VerifyError::Unsigned("authToken")));
    let twice = headers([("authToken", &*token), ("AUTHTOKEN", &*token)]);
    let outcome = auth_token_body::verify(&KeyRing::new(key()), &twice, body.as_bytes(), NOW, Window::default());
    assert_eq!(outcome.map(|_| ()), Err(VerifyError::Repeated("authToken".to_owned())));
}

#[test]
fn order_spaces_escapes_blank_members_and_types_are_nothing_that_v1_signs() {
    let token = token(V1_BODY);
    for same in [
        V1_BODY.replace("\"instanceId\":\"\",", ""),
        V1_BODY.replace("{\"i", "{ \"added\" : \" \\t\", \"more\": null, \"authToken\":\"x\", \"i"),
        V1_BODY.replace("示", "\\u793a"),
        V1_BODY.replace("\"flag\":1", "\"flag\":\"1\""),
        r#"{"userList":[{"position":"R&D"}],"timeStamp":20240305103000123,"testFlag":1,"flag":1,"name":"示例 & Co","tenantId":"t"}"#
            .to_owned(),
    ] {
        assert_eq!(verify_v1(&token, &same), Ok(()), "{same}");
    }
    for other in [
        V1_BODY.replace("\"t\"", "\" t\""),
        V1_BODY.replace("\"flag\":1", "\"flag\":1.0"),
        V1_BODY.replace("\"testFlag\":1", "\"testFlag\":\"\""),
        V1_BODY.replace("\"testFlag\":1", "\"testFlag\":0"),
        V1_BODY.replace("\"instanceId\":\"\"", "\"instanceId\":\"i\""),
        V1_BODY.replace("\"instanceId\":\"\"", "\"instanceId\":\"\u{a0}\""),
        V1_BODY.replace("R&D", "R%26D"),
    ] {
        assert_eq!(verify_v1(&token, &other), Err(VerifyError::Mismatch), "{other}");
    }
}

/// Names and values are joined without escaping.
#[test]
fn no_member_can_be_hidden_in_another() {
    let token = token(V1_BODY);
    for (hiding, expected) in [
        // The test flag moved into the member before it: a debug call would become a real one.
        (json!({"tenantId": "t&testFlag=1"}), "testFlag"),
        (json!({"tenantId": "t&testFlag=1&timeStamp=20240305103000123"}), "testFlag"),
        (json!({"flag": "1&name=示例 & Co&tenantId=t&testFlag=1"}), "name"),
        (json!({"flag=1&name": "示例 & Co"}), "a parameter name"),
        (json!({"flag": "1&name=示例 & Co"}), "name"),
    ] {
        // Without the members that are hidden now, the joined text stays the same.
        let mut body: Map<String, Value> = serde_json::from_str(V1_BODY).unwrap();
        let (name, value) = hiding.as_object().unwrap().iter().next().unwrap();
        let text = format!("{name}={}", value.as_str().unwrap());
        let swallowed = |(known, value): (&String, &Value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("&{text}&").contains(&format!("&{known}={value}&"))
        };
        let gone: Vec<String> = body.iter().filter(|pair| swallowed(*pair)).map(|(known, _)| known.clone()).collect();
        gone.iter().for_each(|known| drop(body.remove(known)));
        body.insert(name.clone(), value.clone());
        if body.contains_key("timeStamp") {
            assert_eq!(auth_token_body::sign(&key(), &serde_json::to_vec(&body).unwrap()), Ok(token.clone()));
            let outcome = verify_v1(&token, &Value::Object(body).to_string());
            assert_eq!(outcome, Err(VerifyError::Ambiguous(expected)), "{text}");
        } else {
            let outcome = verify_v1(&token, &Value::Object(body).to_string());
            assert_eq!(outcome, Err(VerifyError::Unsigned("timeStamp")), "{text}");
        }
    }
    // Nothing sorts behind the list of users, so what stands in it can hide nothing.
    let body = V1_BODY.replace("R&D", "x&flag=0&testFlag=0&timeStamp=1");
    assert_eq!(verify_v1(&auth_token_body::sign(&key(), body.as_bytes()).unwrap(), &body), Ok(()));
}

#[test]
fn a_body_that_cannot_be_decoded_is_not_verified() {
    let token = token(V1_BODY);
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let wide = format!("{{{}\"a\":1}}", (0..256).map(|number| format!("\"{number}\":1,")).collect::<String>());
    for body in ["", "null", "[]", "{", "{}x", "{a:1}", "{\"a\":1,}", r#"{"a":"\ud800"}"#, &deep, &wide] {
        assert_eq!(verify_v1(&token, body), Err(VerifyError::UndecodableBody), "{}", &body[..body.len().min(40)]);
    }
    let repeated = V1_BODY.replace("\"flag\":1", "\"flag\":1,\"fl\\u0061g\":0");
    assert_eq!(verify_v1(&token, &repeated), Err(VerifyError::Repeated("flag".to_owned())));
    assert_eq!(verify_v1(&token, "{}"), Err(VerifyError::Unsigned("timeStamp")));
    assert_eq!(VerifyError::UndecodableBody.result_code(), ResultCode::AuthenticationFailed);
}

#[test]
fn the_age_of_a_v1_call_is_counted_in_china_time() {
    let headers = headers([("authToken", &*token(V1_BODY))]);
    let verify = |millis: i64| {
        let now = Timestamp::from_unix_millis(NOW.as_unix_millis() + millis);
        let ring = KeyRing::new(key());
        auth_token_body::verify(&ring, &headers, V1_BODY.as_bytes(), now, Window::default()).map(|call| call.time())
    };
    assert_eq!((verify(60_000), verify(-60_000)), (Ok(NOW), Ok(NOW)));
    assert!(matches!(verify(60_001), Err(VerifyError::TooOld(_))));
    assert!(matches!(verify(-60_001), Err(VerifyError::TooFarAhead(_))));
    let body = V1_BODY.replace("20240305103000123", "2024-03-05");
    assert_eq!(verify_v1(&token(&body), &body), Err(VerifyError::Malformed("timeStamp")));
}

// Both

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        vec(any::<char>(), 0..6).prop_map(|text| Value::from(String::from_iter(text))),
        "[ &=a-c]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec(("[a-c]", inner), 0..3).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    vec(("[A-Ca-c]{1,2}|中|\u{1F600}", any_value()), 0..6).prop_map(|members| {
        let time_stamp = ("timeStamp".to_owned(), Value::from("20240305103000123"));
        members.into_iter().chain([time_stamp]).collect()
    })
}

#[derive(Clone, Debug)]
enum Change {
    Value(Index, Value),
    Name(Index, String),
    Remove(Index),
    Add(String, Value),
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any_value()).prop_map(|(index, value)| Change::Value(index, value)),
        (any::<Index>(), "[A-Ca-c&=]{1,3}").prop_map(|(index, name)| Change::Name(index, name)),
        any::<Index>().prop_map(Change::Remove),
        ("[A-Ca-c&=]{1,3}", any_value()).prop_map(|(name, value)| Change::Add(name, value)),
    ]
}

impl Change {
    fn applied_to(&self, object: &Map<String, Value>) -> Map<String, Value> {
        let mut members: Vec<(String, Value)> = object.clone().into_iter().collect();
        let length = members.len();
        match self {
            Self::Value(index, value) => members[index.index(length)].1 = value.clone(),
            Self::Name(index, name) => members[index.index(length)].0 = name.clone(),
            Self::Remove(index) => drop(members.remove(index.index(length))),
            Self::Add(name, value) => members.push((name.clone(), value.clone())),
        }
        members.into_iter().collect()
    }
}

/// What V1.0 signs of a body: the texts of the members that are not blank.
fn texts(object: &Map<String, Value>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let blank = |value: &Value| value.is_null() || text(value).chars().all(char::is_whitespace);
    object.iter().filter(|(_, value)| !blank(value)).map(|(name, value)| (name.clone(), text(value))).collect()
}

fn written(object: &Map<String, Value>) -> String {
    serde_json::to_string(object).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_signed_body_is_verified(object in any_object(), nonce in "[0-9A-Za-z]{1,64}") {
        let body = written(&object);
        let sign = kit_v2::sign(&key(), &nonce, &now(), body.as_bytes());
        prop_assert_eq!(verify_v2(&sign, &now(), &nonce, body.as_bytes()), Ok(()));
        // Values of these hide no known member, since none of them is as long.
        prop_assert_eq!(verify_v1(&token(&body), &body), Ok(()));
    }

    #[test]
    fn a_changed_body_is_refused(object in any_object(), change in any_change()) {
        let changed = change.applied_to(&object);
        let (body, other) = (written(&object), written(&changed));

        let said = |object: &Map<String, Value>| {
            object.clone().into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>()
        };
        let sign = kit_v2::sign(&key(), NONCE, &now(), body.as_bytes());
        let outcome = verify_v2(&sign, &now(), NONCE, other.as_bytes());
        if said(&object) != said(&changed) {
            prop_assert_eq!(outcome, Err(VerifyError::Mismatch));
        }
        if texts(&object) != texts(&changed) {
            let outcome = verify_v1(&token(&body), &other);
            // Unknown members may be divided differently: they are not read. Known ones may not, see above.
            let joined = |object| texts(object).into_iter().map(|(name, text)| format!("{name}={text}&")).collect::<String>();
            prop_assert!(outcome.is_err() || joined(&object) == joined(&changed), "{} {}", body, other);
        }
    }

    #[test]
    fn changed_headers_are_refused(which in 0..3_usize, at in any::<Index>(), new in "[0-9A-Fa-fx+/= ]") {
        let mut values = [kit_v2::sign(&key(), NONCE, &now(), BODY.as_bytes()), now(), NONCE.to_owned()];
        let at = at.index(values[which].len());
        for (from, to) in [(at, at), (at, at + 1)] {
            let original = values[which].clone();
            for new in [new.as_str(), ""] {
                values[which].replace_range(from..to, new);
                let is_same = values[which].eq_ignore_ascii_case(&original) && (which == 0 || values[which] == original);
                let [sign, timestamp, nonce] = &values;
                prop_assert!(is_same || verify_v2(sign, timestamp, nonce, BODY.as_bytes()).is_err());
                values[which].clone_from(&original);
            }
        }

        let token = token(V1_BODY);
        let at = at.min(token.len() - 1);
        let mut changed = token.clone();
        changed.replace_range(at..=at, &new);
        prop_assert!(changed.replace(' ', "+") == token || verify_v1(&changed, V1_BODY).is_err());
    }

    #[test]
    fn noise_is_never_verified(
        body in vec(any::<u8>(), 0..80),
        sign in "[0-9a-f]{64}",
        token in "[A-Za-z0-9+/]{43}=",
        now in any::<i64>(),
    ) {
        let ring = KeyRing::new(key());
        let headers = headers([("x-sign", &*sign), ("x-timestamp", "1709605800123"), ("x-nonce", "n"), ("authToken", &*token)]);
        for now in [NOW, Timestamp::from_unix_millis(now)] {
            prop_assert!(kit_v2::verify(&ring, &headers, &body, now, Window::default()).is_err());
            prop_assert!(auth_token_body::verify(&ring, &headers, &body, now, Window::default()).is_err());
        }
    }
}
