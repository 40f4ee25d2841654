//! Wrong signatures, and what is said about them.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, HOST, HeaderValue};
use koogallery::clock::Clock as _;
use koogallery::key::{AccessKey, Credentials};
use koogallery::open_api::{ApiErrorKind, CallError, query_order};
use koogallery::signature::aksk::{self, CanonicalRequest, Payload, Signer};
use koogallery::signature::usage_push;
use serde_json::Value;

use super::{Stage, access_key, client, credentials};

const ORDER: &str = "https://mkt.myhuaweicloud.com/api/mkp-openapi-public/global/v1/order/query?orderId=MOCKONDEMAND&orderLineId=MOCKONDEMAND-000001";
const ACTIVATE: &str = "https://mkt.myhuaweicloud.com/api/mkp-openapi-public/global/v1/license/activate";

/// A request signed rightly, then changed.
fn changed(request: Request<&str>, change: impl FnOnce(&mut Request<Bytes>)) -> Request<Bytes> {
    let request = request.map(|body| Bytes::copy_from_slice(body.as_bytes()));
    let mut request = aksk::sign(request, &credentials(), super::NOW).unwrap();
    change(&mut request);
    request
}

fn get() -> Request<&'static str> {
    Request::get(ORDER).body("").unwrap()
}

fn post() -> Request<&'static str> {
    let json = "application/json";
    Request::post(ACTIVATE).header("content-type", json).body(r#"{"license":"PL1"}"#).unwrap()
}

/// Answer and log entry of a request that it must refuse.
fn refused(request: Request<Bytes>) -> (String, String) {
    let stage = Stage::new();
    let response = stage.open_api.answer(request);
    assert_eq!(response.status(), 401);
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["error_code"], "APIGW.0301");
    assert_eq!(body["request_id"].as_str().unwrap().len(), 32);
    let call = stage.open_api.log().pop().unwrap();
    assert_eq!(
        (call.about.as_str(), call.code.as_str()),
        ("", "APIGW.0301"),
        "nothing is said about a caller that is not let in"
    );
    (body["error_msg"].as_str().unwrap().to_owned(), call.explanation.join("\n"))
}

/// Replaces the signature by one over another text.
fn resigned(request: Request<&str>, text: impl FnOnce(&str) -> String) -> Request<Bytes> {
    changed(request, |request| {
        let (parts, body) = (request_parts(request), request.body().clone());
        let names = ["host".to_owned(), "x-sdk-date".to_owned()];
        let canonical = CanonicalRequest::new(&parts, &names, Payload::Bytes(&body)).unwrap();
        let signature = sign_text("DEMOSK0000000001demosk", &text(canonical.as_str()));
        set_signature(request, &signature);
    })
}

fn request_parts(request: &Request<Bytes>) -> http::request::Parts {
    request.clone().into_parts().0
}

fn set_signature(request: &mut Request<Bytes>, signature: &str) {
    let value = format!(
        "SDK-HMAC-SHA256 Access={}, SignedHeaders=host;x-sdk-date, Signature={signature}",
        credentials().access_key_id()
    );
    request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
}

/// The string to sign of a canonical request, with whatever stands around it.
fn to_sign(canonical: &str) -> String {
    use sha2::Digest as _;
    format!("SDK-HMAC-SHA256\n20250102T030405Z\n{}", const_hex::encode(sha2::Sha256::digest(canonical)))
}

fn sign_text(secret: &str, text: &str) -> String {
    use hmac::{KeyInit as _, Mac as _};
    let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    const_hex::encode(mac.chain_update(text).finalize().into_bytes())
}

#[test]
fn common_mistakes_are_named() {
    type Mistake = (&'static str, Request<Bytes>);
    let line = |from: &'static str, to: &'static str| move |text: &str| to_sign(&text.replacen(from, to, 1));
    let mistakes: Vec<Mistake> = vec![
        ("has no slash at its end", resigned(get(), line("query/\n", "query\n"))),
        ("signed as they stand in the address", {
            let swapped = ORDER.split_once('?').unwrap().0.to_owned() + "?orderLineId=b&orderId=a";
            let request = Request::get(swapped).body("").unwrap();
            resigned(request, line("orderId=a&orderLineId=b", "orderLineId=b&orderId=a"))
        }),
        ("values were encoded when signed", {
            let spaced = format!("{}?orderId=a%20b", ORDER.split_once('?').unwrap().0);
            resigned(Request::get(spaced).body("").unwrap(), line("a%20b", "a+b"))
        }),
        ("the query was left out", resigned(get(), line("orderId=MOCKONDEMAND&orderLineId=MOCKONDEMAND-000001", ""))),
        (
            "Host is signed as mkt.myhuaweicloud.com, and the request has another",
            changed(get(), |request| {
                request.headers_mut().insert(HOST, HeaderValue::from_static("mkt.myhuaweicloud.cn"));
            }),
        ),
        (
            "Host is signed as mkt.myhuaweicloud.com, and the request has another",
            changed(get(), |request| {
                request.headers_mut().insert(HOST, HeaderValue::from_static("mkt.myhuaweicloud.com:8081"));
            }),
        ),
        ("the method is signed as POST", resigned(get(), line("GET", "POST"))),
        ("the method is signed in lower case", resigned(get(), line("GET", "get"))),
        (
            "a line break stands at the end of the canonical request, or of the text to sign",
            resigned(get(), |text| to_sign(text) + "\n"),
        ),
        (
            "a line break stands at the end of the canonical request, or of the text to sign",
            resigned(get(), |text| to_sign(&format!("{text}\n"))),
        ),
        (
            "a space is signed after the colon",
            resigned(get(), |text| to_sign(&text.replace("host:", "host: ").replace("date:", "date: "))),
        ),
        ("a line break at the end of the body", {
            let mut request = changed(post(), |_| ());
            let body = [request.body(), &b"\n"[..]].concat();
            let signed = aksk::sign(request.clone().map(|_| body), &credentials(), super::NOW).unwrap();
            *request.headers_mut() = signed.headers().clone();
            request
        }),
        (
            "a line break at the end of the body",
            changed(post(), |request| {
                *request.body_mut() = [request.body(), &b"\n"[..]].concat().into();
            }),
        ),
        (
            "parsed and written again",
            changed(post(), |request| *request.body_mut() = r#"{ "license" : "PL1" }"#.into()),
        ),
        ("signed with an empty body", {
            let mut request = changed(post(), |_| ());
            let empty = aksk::sign(request.clone().map(|_| ""), &credentials(), super::NOW).unwrap();
            *request.headers_mut() = empty.headers().clone();
            request
        }),
        (
            "UNSIGNED-PAYLOAD is signed in the place of the body's hash",
            resigned(post(), |text| {
                let (head, _) = text.rsplit_once('\n').unwrap();
                to_sign(&format!("{head}\nUNSIGNED-PAYLOAD"))
            }),
        ),
        (
            "the key of another interface type",
            changed(get(), |request| {
                let mistaken = Credentials::new(credentials().access_key_id(), "test-access-key").unwrap();
                *request = aksk::sign(request.clone(), &mistaken, super::NOW).unwrap();
            }),
        ),
    ];
    for (mistake, request) in mistakes {
        let (text, explanation) = refused(request);
        assert!(
            explanation.contains("results from a mistake:") && explanation.contains(mistake),
            "{mistake}: {explanation}"
        );
        assert!(text.contains("canonicalRequest:"), "{text}");
    }
}

#[test]
fn what_cannot_be_guessed_is_laid_out_line_by_line() {
    let wrong_secret = Credentials::new(credentials().access_key_id(), "another").unwrap();
    let request = aksk::sign(get().map(|_| Bytes::new()), &wrong_secret, super::NOW).unwrap();
    let (text, explanation) = refused(request.clone());
    for line in [
        "  method: GET",
        "  path: /api/mkp-openapi-public/global/v1/order/query/",
        "  query: orderId=MOCKONDEMAND&orderLineId=MOCKONDEMAND-000001",
        "  header: host:mkt.myhuaweicloud.com",
        "  header: x-sdk-date:20250102T030405Z",
        "  signed headers: host;x-sdk-date",
        "  payload hash: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "  SDK-HMAC-SHA256",
        "no common mistake produces the received signature: either the secret differs",
    ] {
        assert!(explanation.contains(line), "{line}: {explanation}");
    }
    // The client compares, and finds nothing: it is the secret.
    let names = ["host".to_owned(), "x-sdk-date".to_owned()];
    let ours = CanonicalRequest::new(&request.into_parts().0, &names, Payload::Bytes(b"")).unwrap();
    assert_eq!(aksk::diff_with_gateway(&ours, &text), None);
}

#[test]
fn a_client_finds_the_line_that_was_changed_on_the_way() {
    type Change = fn(&mut Request<Bytes>);
    let changes: [(&str, Change); 4] = [
        ("query", |request| *request.uri_mut() = ORDER.replace("MOCKONDEMAND-", "MOCKONDEMAND.").parse().unwrap()),
        ("header", |request| _ = request.headers_mut().insert(HOST, HeaderValue::from_static("proxy.example.com"))),
        ("payload hash", |request| *request.body_mut() = Bytes::from_static(b"{}")),
        ("header", |request| {
            _ = request.headers_mut().insert("x-sdk-date", HeaderValue::from_static("20250102T030406Z"))
        }),
    ];
    for (part, change) in changes {
        let signed = changed(get(), |_| ());
        let names = ["host".to_owned(), "x-sdk-date".to_owned()];
        let ours = CanonicalRequest::new(&request_parts(&signed), &names, Payload::Bytes(b"")).unwrap();
        let mut sent = signed;
        change(&mut sent);
        let (text, _) = refused(sent);
        let difference = aksk::diff_with_gateway(&ours, &text).unwrap_or_else(|| panic!("{part}: {text}"));
        assert_eq!(difference.part, part);
    }
}

#[test]
fn other_failures_say_what_is_wrong() {
    let at = |seconds: i64| {
        let time = koogallery::timestamp::Timestamp::from_unix_millis(super::NOW.as_unix_millis() + seconds * 1000);
        aksk::sign(get().map(|_| Bytes::new()), &credentials(), time).unwrap()
    };
    let header = |value: &'static str| {
        changed(get(), |request| _ = request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap()))
    };
    let stranger = Credentials::new("AK", "SK").unwrap();
    for (reason, request) in [
        ("901 seconds old", at(-901)),
        ("901 seconds ahead", at(901)),
        ("no Authorization header", get().map(|_| Bytes::new())),
        ("not of the form", header("Bearer abc")),
        ("there is no access key \"AK\"", aksk::sign(get().map(|_| Bytes::new()), &stranger, super::NOW).unwrap()),
        ("x-sdk-date is not among the signed headers", {
            header("SDK-HMAC-SHA256 Access=DEMOAK0000000001, SignedHeaders=host, Signature=00")
        }),
        (
            "not 64 lower-case hex",
            header("SDK-HMAC-SHA256 Access=DEMOAK0000000001, SignedHeaders=host;x-sdk-date, Signature=zz"),
        ),
        ("X-Sdk-Date is missing", changed(get(), |request| _ = request.headers_mut().remove("x-sdk-date"))),
    ] {
        let (text, explanation) = refused(request);
        assert!(text.contains(reason), "{reason}: {text}");
        assert!(explanation.contains(reason), "{reason}: {explanation}");
    }
    for fine in [at(-900), at(900)] {
        assert_eq!(Stage::new().open_api.answer(fine).status(), 200);
    }
}

#[test]
fn further_signed_headers_and_unsigned_payloads_are_taken() {
    let stage = Stage::with(|open_api| open_api.credentials(temporary()));
    let (mut parts, _) = get().into_parts();
    parts.headers.insert("x-stage", HeaderValue::from_static("RELEASE"));
    let pair = credentials();
    let signer = Signer::new(&pair).sign_header("x-stage".parse().unwrap());
    signer.sign(&mut parts, Payload::Unsigned, super::NOW).unwrap();
    assert_eq!(stage.open_api.answer(Request::from_parts(parts, Bytes::new())).status(), 200);

    let sign = |pair: &Credentials| aksk::sign(get().map(|_| Bytes::new()), pair, super::NOW).unwrap();
    assert_eq!(stage.open_api.answer(sign(&temporary())).status(), 200);
    let forgotten = Credentials::new("TEMPORARY", "SK").unwrap();
    assert_eq!(stage.open_api.answer(sign(&forgotten)).status(), 401);
    let wrong = Credentials::new("TEMPORARY", "another").unwrap().with_security_token("token").unwrap();
    assert_eq!(stage.open_api.answer(sign(&wrong)).status(), 401);
    let explanation = stage.open_api.log().pop().unwrap().explanation.join("\n");
    assert!(explanation.contains("  header: x-security-token:[redacted]\n"), "{explanation}");
}

fn temporary() -> Credentials {
    Credentials::new("TEMPORARY", "SK").unwrap().with_security_token("token").unwrap()
}

#[test]
fn five_failures_in_a_row_lock_the_key_for_five_minutes() {
    let stage = Stage::new();
    let signed = |secret: &str| {
        let pair = Credentials::new(credentials().access_key_id(), secret).unwrap();
        stage
            .open_api
            .answer(aksk::sign(get().map(|_| Bytes::new()), &pair, stage.clock.now()).unwrap())
            .status()
            .as_u16()
    };
    let (right, wrong) = ("DEMOSK0000000001demosk", "another");
    for _ in 0..4 {
        assert_eq!(signed(wrong), 401);
    }
    assert_eq!(signed(right), 200, "the row is broken");
    for _ in 0..5 {
        assert_eq!(signed(wrong), 401);
    }
    assert_eq!(signed(right), 401, "locked, though signed rightly");
    let call = stage.open_api.log().pop().unwrap();
    assert!(call.explanation[0].contains("locked until 20250102030905 UTC"), "{call}");
    stage.clock.advance(Duration::from_secs(299));
    assert_eq!(signed(right), 401);
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(signed(wrong), 401);
    assert_eq!(signed(right), 200, "the count starts again");
}

#[tokio::test]
async fn the_client_stops_before_its_key_is_locked() {
    let stage = Stage::new();
    let wrong = Credentials::new(credentials().access_key_id(), "another").unwrap();
    let client = client(stage.open_api.clone(), &stage.clock).credentials(wrong).build().unwrap();
    for _ in 0..3 {
        let error = client.call(&query_order::Request::new("MOCKONDEMAND")).await.unwrap_err();
        assert_eq!(error.code(), Some("APIGW.0301"));
        assert!(matches!(error, CallError::Api(error) if matches!(error.kind, ApiErrorKind::Gateway { .. })));
    }
    let paused = client.call(&query_order::Request::new("MOCKONDEMAND")).await.unwrap_err();
    assert!(matches!(paused, CallError::Paused { .. }), "{paused}");
    assert_eq!(stage.open_api.log().len(), 3);
    assert!(stage.call(query_order::Request::new("MOCKONDEMAND")).await.is_ok(), "not locked for others");
}

#[test]
fn pushes_with_a_wrong_signature_are_explained() {
    const BODY: &str = r#"{"usage_records":[{"begin_time":"x","end_time":"x","instance_id":"i"}]}"#;
    const TS: &str = "1735787045000";
    let key = access_key();
    let sign = |ts: &str, body: &str| usage_push::sign(&key, ts, "n", body.as_bytes());
    let hex = {
        use base64::Engine as _;
        const_hex::encode(base64::engine::general_purpose::STANDARD.decode(sign(TS, BODY)).unwrap())
    };
    let unsorted = r#"{"usage_records":[{"instance_id":"i","begin_time":"x"}]}"#;
    let sk = AccessKey::new("DEMOSK0000000001demosk").unwrap();
    for (reason, signature, ts, body) in [
        ("the header signature is missing", String::new(), TS, BODY),
        ("not the UNIX time in milliseconds", sign("1735787045", BODY), "1735787045", BODY),
        ("in seconds on one side", sign("1735787045", BODY), TS, BODY),
        ("written in hex", hex, TS, BODY),
        ("with the SK", usage_push::sign(&sk, TS, "n", BODY.as_bytes()), TS, BODY),
        ("line break at the end of the body", sign(TS, &format!("{BODY}\n")), TS, BODY),
        ("either the key differs", usage_push::sign(&AccessKey::new("k").unwrap(), TS, "n", b""), TS, BODY),
        ("not in natural order", sign(TS, unsorted), TS, unsorted),
    ] {
        let stage = Stage::new();
        let request = Request::post("/api/mkp-openapi-public/global/v1/isv/usage-data")
            .header("content-type", "application/json")
            .header("signature", signature)
            .header("ts", ts)
            .header("nonce", "n")
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap();
        let response = stage.open_api.answer(request);
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!((response.status().as_u16(), answer["error_code"].as_str()), (401, Some("94060002")));
        let explanation = stage.open_api.log().pop().unwrap().explanation.join("\n");
        assert!(explanation.contains(reason), "{reason}: {explanation}");
    }
}
