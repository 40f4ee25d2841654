//! Known-answer vectors, made by Java and Python (see `tests/vectors/README.md`) and printed in the protocol documents.

use std::path::Path;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use koogallery::cipher::field::FieldCipher;
use koogallery::key::{AccessKey, AppSecrets, Credentials, KeyRing};
use koogallery::signature::aksk::{self, Authorization, CanonicalRequest, Payload, SignError, Signer};
use koogallery::signature::{
    VerifyError, Window, auth_token, auth_token_body, body_sign, callback_v2, gateway_jwt, kit_v2,
};
use koogallery::timestamp::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const ALWAYS: Window = Window::symmetric(Duration::from_secs(1_000_000_000_000));
const NOW: Timestamp = Timestamp::from_unix_millis(1_735_689_600_123);

fn load(source: &str, kind: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{source}/{kind}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Runs `check` on every vector of a kind, from all three sources.
fn each(kind: &str, mut check: impl FnMut(&Value)) {
    for (source, at_least) in [("protocol", 2), ("java", 9), ("python", 9)] {
        let vectors = load(source, kind);
        assert!(vectors.len() >= at_least, "{source}/{kind} holds {} vectors", vectors.len());
        for vector in &vectors {
            check(vector);
        }
    }
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{field} of {vector}"))
}

fn key(vector: &Value, field: &str) -> AccessKey {
    AccessKey::new(text(vector, field)).unwrap()
}

#[test]
fn callback_v2() {
    each("callback_v2", |vector| {
        let key = match vector["key_display_base64"].as_str() {
            Some(displayed) => AccessKey::from_base64(displayed).unwrap(),
            None => key(vector, "key"),
        };
        let [nonce, timestamp, body] = ["nonce", "timestamp", "body"].map(|field| text(vector, field));
        assert_eq!(
            callback_v2::sign(&key, nonce, timestamp, text(vector, "canonical").as_bytes()),
            text(vector, "signature")
        );
        assert_eq!(callback_v2::sign(&key, nonce, timestamp, body.as_bytes()), text(vector, "raw_signature"));

        let ring = KeyRing::new(key);
        let verify = |signature: &str| {
            let query = format!("timestamp={timestamp}&signature={signature}&nonce={nonce}");
            callback_v2::verify(&ring, &query, body.as_bytes(), NOW, ALWAYS).map(|_| ())
        };
        for accepted in [text(vector, "signature"), text(vector, "raw_signature")] {
            assert_eq!(verify(accepted), Ok(()), "{vector}");
            assert_eq!(verify(&accepted.to_uppercase()), Ok(()), "{vector}");
        }
        for forbidden in vector["must_not"].as_array().into_iter().flatten() {
            assert_eq!(verify(forbidden.as_str().unwrap()), Err(VerifyError::Mismatch));
        }
    });
}

fn headers<const N: usize>(headers: [(&'static str, &str); N]) -> HeaderMap {
    headers.map(|(name, value)| (HeaderName::try_from(name).unwrap(), value.parse().unwrap())).into_iter().collect()
}

#[test]
fn kit_v2() {
    each("kit_v2", |vector| {
        let key = key(vector, "key");
        let [nonce, timestamp, body] = ["nonce", "timestamp", "body"].map(|field| text(vector, field));
        assert_eq!(kit_v2::sign(&key, nonce, timestamp, text(vector, "canonical").as_bytes()), text(vector, "x_sign"));
        let raw = kit_v2::sign(&key, nonce, timestamp, body.as_bytes());
        assert!(vector.get("raw_x_sign").is_none_or(|printed| *printed == *raw), "{vector}");

        let ring = KeyRing::new(key);
        let verify = |sign: &str| {
            let headers = headers([("x-sign", sign), ("x-timestamp", timestamp), ("x-nonce", nonce)]);
            kit_v2::verify(&ring, &headers, body.as_bytes(), NOW, ALWAYS).map(|_| ())
        };
        for accepted in [text(vector, "x_sign"), &raw] {
            assert_eq!(verify(accepted), Ok(()), "{vector}");
            assert_eq!(verify(&accepted.to_lowercase()), Ok(()), "{vector}");
        }
        for forbidden in vector["must_not"].as_array().into_iter().flatten() {
            assert_eq!(verify(forbidden.as_str().unwrap()), Err(VerifyError::Mismatch));
        }
    });
}

#[test]
fn auth_token_body() {
    each("auth_token_body", |vector| {
        let ring = KeyRing::new(key(vector, "key"));
        let (body, token) = (text(vector, "body").as_bytes(), text(vector, "auth_token"));
        assert_eq!(auth_token_body::sign(ring.signing_key(), body).unwrap(), token, "{vector}");
        let outcome = auth_token_body::verify(&ring, &headers([("authToken", token)]), body, NOW, ALWAYS).map(|_| ());
        // Rightly signed, and refused all the same: its name hides an order id.
        let expected = if vector["name"] == "hidden_member" { Err(VerifyError::Ambiguous("orderId")) } else { Ok(()) };
        assert_eq!(outcome, expected, "{vector}");
    });
}

#[test]
fn auth_token() {
    each("auth_token", |vector| {
        let ring = KeyRing::new(key(vector, "key"));
        match auth_token::verify(&ring, text(vector, "query"), NOW, ALWAYS) {
            Ok(verified) => {
                let joined: Vec<String> =
                    verified.parameters().map(|(name, value)| format!("{name}={value}")).collect();
                assert_eq!(joined.join("&"), text(vector, "signing_string"));
            }
            // Rightly signed, and refused all the same: its order id hides a test flag.
            Err(VerifyError::Ambiguous("testFlag")) => assert_eq!(vector["name"], "reserved_characters_in_value"),
            Err(error) => panic!("{error}: {vector}"),
        }
        if vector["plus_is_space"] == true {
            let unsigned: Vec<&str> =
                text(vector, "query").split('&').filter(|pair| !pair.starts_with("authToken=")).collect();
            assert_eq!(auth_token::sign(ring.signing_key(), &unsigned.join("&")).unwrap(), text(vector, "auth_token"));
        }
    });
}

#[test]
fn body_sign() {
    each("body_sign", |vector| {
        let key = key(vector, "key");
        let body = text(vector, "body").as_bytes();
        let expected = format!(r#"sign_type="HMAC-SHA256", signature="{}""#, text(vector, "signature"));
        assert_eq!(body_sign::sign(&key, body), expected);
        assert_eq!(body_sign::verify(&key.into(), &expected, body), Ok(()));
    });
}

#[test]
fn field_cipher() {
    each("field_cipher", |vector| {
        let cipher = FieldCipher::new(&key(vector, "access_key"), text(vector, "encrypt_type").parse().unwrap());
        let [iv, plaintext, ciphertext] = ["iv", "plaintext", "ciphertext"].map(|field| text(vector, field));
        assert_eq!(cipher.encrypt_with_iv(plaintext, iv).unwrap().as_str(), ciphertext);
        assert_eq!(cipher.decrypt(&ciphertext.into()).unwrap().expose(), plaintext);
    });
}

#[test]
fn gateway_jwt() {
    for vector in [load("java", "gateway_jwt"), load("python", "gateway_jwt")].concat() {
        let payload: Value = serde_json::from_str(text(&vector, "payload")).unwrap();
        let app_key = payload["api_key"].as_str().unwrap_or("app-key-1");
        let known = AccessKey::new(text(&vector, "known_secret")).ok();
        let secrets = known.into_iter().fold(AppSecrets::new(), |secrets, known| secrets.with(app_key, known));
        let token = text(&vector, "token");
        let headers = HeaderMap::from_iter([(gateway_jwt::HEADER, token.parse().unwrap())]);
        let verdict = match gateway_jwt::verify(&secrets, &headers, &gateway_jwt::HEADER, NOW, gateway_jwt::WINDOW) {
            Ok(verified) => {
                assert_eq!((verified.app_key(), verified.time()), (app_key, NOW));
                "valid"
            }
            Err(VerifyError::Algorithm(_)) => "algorithm",
            Err(VerifyError::Malformed(_)) => "malformed",
            Err(VerifyError::Missing(_)) => "missing",
            Err(VerifyError::UnknownKey) => "unknown_key",
            Err(VerifyError::Mismatch) => "mismatch",
            Err(VerifyError::Expired(_)) => "expired",
            Err(VerifyError::TooOld(_)) => "too_old",
            Err(VerifyError::TooFarAhead(_)) => "too_far_ahead",
            Err(error) => panic!("{error}: {vector}"),
        };
        assert_eq!(verdict, vector["verdict"], "{vector}");
        if vector["name"] == "documented" {
            assert_eq!(gateway_jwt::sign(app_key, &key(&vector, "secret"), NOW), token);
        }
    }
}

#[test]
fn aksk() {
    let vectors = load("protocol", "aksk");
    assert_eq!(vectors.len(), 18);
    for vector in &vectors {
        let name = text(vector, "name");
        let mut credentials = Credentials::new(text(vector, "access"), text(vector, "secret")).unwrap();
        if let Some(token) = vector["security_token"].as_str() {
            credentials = credentials.with_security_token(token).unwrap();
        }
        let (method, url) = (text(vector, "method"), text(vector, "url"));
        let mut request = http::Request::builder().method(method).uri(url);
        for (header, value) in vector["headers"].as_object().unwrap() {
            request = request.header(header, value.as_str().unwrap());
        }
        let (mut parts, body) = request.body(text(vector, "body")).unwrap().into_parts();
        let time = Timestamp::parse_basic_iso(text(vector, "date")).unwrap();
        let signed_headers = text(vector, "signed_headers");
        let mut signer = Signer::new(&credentials);
        for header in signed_headers.split(';') {
            signer = signer.sign_header(header.parse().unwrap());
        }
        if !signed_headers.contains("host") {
            signer = signer.without_host();
        }
        // Signed twice: a request that is sent again is signed again.
        for earlier in [Timestamp::from_unix_millis(0), time] {
            signer.sign(&mut parts, Payload::Bytes(body.as_bytes()), earlier).unwrap();
        }
        let authorization = parts.headers["authorization"].to_str().unwrap().to_owned();
        let read = Authorization::parse(&authorization).unwrap();
        assert_eq!(read.access, text(vector, "access"), "{name}");
        assert_eq!(read.signed_headers, signed_headers, "{name}");
        assert_eq!(read.signature, text(vector, "signature"), "{name}");
        let names: Vec<String> = signed_headers.split(';').map(str::to_owned).collect();
        let canonical = CanonicalRequest::new(&parts, &names, Payload::Bytes(body.as_bytes())).unwrap();
        assert_eq!(
            const_hex::encode(Sha256::digest(canonical.as_str())),
            text(vector, "canonical_request_sha256"),
            "{name}"
        );

        assert_eq!(aksk::verify(&parts, body.as_bytes(), &credentials, time), Ok(()), "{name}");
        let stranger = Credentials::new(text(vector, "access"), "another").unwrap();
        assert_eq!(aksk::verify(&parts, body.as_bytes(), &stranger, time), Err(VerifyError::Mismatch));
        let late = time.saturating_add(Duration::from_secs(901));
        assert!(matches!(aksk::verify(&parts, body.as_bytes(), &credentials, late), Err(VerifyError::TooOld(_))));
    }
}

/// What the independent program in Python makes of addresses, in all their spellings.
#[test]
fn aksk_addresses_have_one_signature_in_every_spelling() {
    let vectors = load("python", "aksk");
    assert_eq!(vectors.len(), 77);
    for vector in &vectors {
        let credentials = Credentials::new(text(vector, "access"), text(vector, "secret")).unwrap();
        let time = Timestamp::parse_basic_iso(text(vector, "date")).unwrap();
        for url in vector["urls"].as_array().unwrap() {
            let request = http::Request::get(url.as_str().unwrap()).body("").unwrap();
            let (parts, _) = aksk::sign(request, &credentials, time).unwrap().into_parts();
            let names = ["host".to_owned(), "x-sdk-date".to_owned()];
            let canonical = CanonicalRequest::new(&parts, &names, Payload::Bytes(b"")).unwrap();
            let lines: Vec<_> = canonical.as_str().split('\n').skip(1).take(2).collect();
            assert_eq!(lines, [text(vector, "path"), text(vector, "query")], "{url}");
            let authorization = parts.headers["authorization"].to_str().unwrap();
            assert!(authorization.ends_with(&format!("Signature={}", text(vector, "signature"))), "{url}");
            assert_eq!(aksk::verify(&parts, b"", &credentials, time), Ok(()), "{url}");
        }
    }
}

/// A text with each byte as it is, where an address allows it, or percent-encoded, as `choices` say.
fn spelled(text: &str, never: &str, choices: &mut impl Iterator<Item = u8>) -> String {
    let spell = |byte: u8| match choices.next().unwrap() % 3 {
        0 if byte.is_ascii_graphic()
            && !"%&#\"<>[]^`{|}\\".contains(char::from(byte))
            && !never.contains(char::from(byte)) =>
        {
            char::from(byte).to_string()
        }
        1 => format!("%{byte:02x}"),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(spell).collect()
}

proptest::proptest! {
    #[test]
    fn aksk_any_spelling_of_an_address_has_the_same_signature(
        segments in proptest::collection::vec("[ -~é欢😀]{0,5}", 0..4),
        pairs in proptest::collection::vec(("[ -~é欢😀]{0,5}", "[ -~é欢😀]{0,5}"), 0..6),
        choices in proptest::collection::vec(proptest::num::u8::ANY, 1..80),
        others in proptest::collection::vec(proptest::num::u8::ANY, 1..80),
        turned in 0_usize..6,
    ) {
        let url = |choices: &[u8], turned: usize| {
            let mut choices = choices.iter().copied().cycle();
            let mut pairs = pairs.clone();
            let first = turned.min(pairs.len());
            pairs.rotate_left(first);
            let path: Vec<_> = segments.iter().map(|segment| spelled(segment, "/?", &mut choices)).collect();
            let query: Vec<_> = pairs
                .iter()
                .map(|(name, value)| {
                    let (name, odd) = (spelled(name, "=", &mut choices), choices.next().unwrap() % 2 == 1);
                    // Nothing at all would be no pair.
                    let mark = if value.is_empty() && odd && !name.is_empty() { "" } else { "=" };
                    let empty = if odd { "&" } else { "" };
                    [&name, mark, &spelled(value, "", &mut choices), empty].concat()
                })
                .collect();
            format!("https://h/{}?{}", path.join("/"), query.join("&"))
        };
        let credentials = Credentials::new("AccessKey", "SecretKey").unwrap();
        let signed = |url: &str| {
            let request = aksk::sign(http::Request::get(url).body("").unwrap(), &credentials, NOW).unwrap();
            request.headers()["authorization"].clone()
        };
        let (one, other) = (url(&choices, 0), url(&others, turned));
        proptest::prop_assert_eq!(signed(&one), signed(&other), "{} {}", one, other);
        // Another pair is another signature.
        proptest::prop_assert_ne!(signed(&one), signed(&format!("{other}&one=more")));
    }
}

#[test]
fn aksk_canonical_query_of_the_official_unit_tests() {
    let query =
        "limit=1&enable=true&multi=3&multi=1&multi=2&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29&path=%2Ftmp%2F123";
    let (parts, ()) = http::Request::get(format!("https://x/a?{query}")).body(()).unwrap().into_parts();
    let canonical = CanonicalRequest::new(&parts, &[], Payload::Bytes(b"")).unwrap();
    assert_eq!(
        canonical.as_str().lines().nth(2),
        Some(
            "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Ftmp%2F123&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29"
        )
    );
}

#[test]
fn aksk_odd_addresses() {
    let credentials = Credentials::new("AccessKey", "SecretKey").unwrap();
    let path = |url: &str| {
        let request = aksk::sign(http::Request::get(url).body("").unwrap(), &credentials, NOW).unwrap();
        let (parts, _) = request.into_parts();
        let canonical = CanonicalRequest::new(&parts, &["host".to_owned()], Payload::Bytes(b"")).unwrap();
        let lines: Vec<_> = canonical.as_str().lines().map(str::to_owned).collect();
        (lines[1].clone(), lines[2].clone(), lines[3].clone())
    };
    let expected = |path: &str, query: &str, host: &str| (path.to_owned(), query.to_owned(), format!("host:{host}"));
    assert_eq!(path("https://h:443"), expected("/", "", "h"));
    assert_eq!(path("https://h:8443/"), expected("/", "", "h:8443"));
    assert_eq!(path("http://user@h//"), expected("//", "", "h"));
    assert_eq!(path("http://h/%41-/b?%62=2&a=%31"), path("http://h/A-/b/?a=1&b=2"));
    assert_eq!(path("http://h/a%2fb/~c*d/?x&y=+%20"), expected("/a%2Fb/~c%2Ad/", "x=&y=%2B%20", "h"));
    assert_eq!(path("http://h/%ff?%FE=%zz&=1"), expected("/%FF/", "=1&%FE=%25zz", "h"));
    assert_eq!(
        aksk::sign(http::Request::get("/no/host").body("").unwrap(), &credentials, NOW).unwrap_err(),
        SignError::NoHost
    );
}
