//! What a failed verification tells by itself, without looking for mistakes.

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use koogallery::key::{AccessKey, AccessKeys, Credentials, InterfaceType, KeyRing};
use koogallery::signature::diagnosis::{self, Diagnosis};
use koogallery::signature::{VerifyError, Window, aksk, auth_token_body, callback_v2, kit_v2};
use koogallery::timestamp::Timestamp;

const NOW: Timestamp = Timestamp::from_unix_millis(1_795_859_329_123);

/// `{"activity":"queryInstance"}` as gzip, zlib and zstd write it (their first bytes are what counts).
const COMPRESSED: [(&[u8], &str); 5] = [
    (
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabVJL.\xc9,\xcb,\xa9T\xb2R*,M-\xaa\xf4\xcc+.I\xccKNU\xaa\x05\x00",
        "gzip",
    ),
    (b"\x78\x9c\xabVJL.\xc9,\xcb,\xa9T\xb2R*,M-\xaa\xf4\xcc+.I\xccKNU\xaa\x05\x00", "deflate"),
    (b"\x78\xda\xabVJL.\xc9,\xcb,\xa9T\xb2R*,M-\xaa\xf4\xcc+.I\xccKNU\xaa\x05\x00", "deflate"),
    (b"\x78\x01\xabVJL.\xc9,\xcb,\xa9T\xb2R*,M-\xaa\xf4\xcc+.I\xccKNU\xaa\x05\x00", "deflate"),
    (b"\x28\xb5\x2f\xfd\x20\x1c\xe1\x00\x00{\"activity\":\"queryInstance\"}", "zstd"),
];

fn key() -> AccessKey {
    AccessKey::new("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9").unwrap()
}

fn keys(interface: InterfaceType) -> AccessKeys {
    AccessKeys::new().with(interface, key()).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn v2(signed: &[u8], received: &[u8]) -> (Result<(), VerifyError>, Diagnosis) {
    let query = callback_v2::signed_query(&key(), "nonce", NOW, signed);
    let verified = callback_v2::verify(&key().into(), &query, received, NOW, Window::default()).map(drop);
    let basic = keys(InterfaceType::Basic);
    (verified, diagnosis::callback_v2(&basic, InterfaceType::Basic, &query, received, NOW, Window::default()))
}

fn kit(signed: &[u8], received: &[u8], coding: Option<&str>) -> (Result<(), VerifyError>, Diagnosis) {
    let signed = kit_v2::signed_headers(&key(), "nonce", NOW, signed);
    let mut headers = headers(&signed.each_ref().map(|(name, value)| (*name, value.as_str())));
    if let Some(coding) = coding {
        headers.insert("content-encoding", coding.parse().unwrap());
    }
    let verified = kit_v2::verify(&key().into(), &headers, received, NOW, Window::default()).map(drop);
    (verified, diagnosis::kit_v2(&keys(InterfaceType::Kit), &headers, received, NOW, Window::default()))
}

#[test]
fn a_compressed_body_is_named() {
    let plain = br#"{"activity":"queryInstance"}"#;
    for (body, coding) in COMPRESSED {
        let compressed = || VerifyError::Compressed(coding);
        assert_eq!(v2(plain, body), (Err(compressed()), Diagnosis::Refused(compressed())));
        assert_eq!(kit(plain, body, None), (Err(compressed()), Diagnosis::Refused(compressed())));
        assert!(compressed().to_string().contains(coding));
        // What is signed as it is sent is right.
        assert_eq!(v2(body, body).0, Ok(()));
        let token = headers(&[("authToken", "kA7GUjdy8Qcd/Dug/4oc2of5wf3TMrXoHdZXIPxEShA=")]);
        let refused = auth_token_body::verify(&key().into(), &token, body, NOW, Window::default());
        assert_eq!(refused.unwrap_err(), compressed());
    }
    assert_eq!(kit(plain, b"\x8b\x0d\x80", Some("br")).0, Err(VerifyError::Compressed("br")));
    assert_eq!(kit(plain, b"{}", Some(" GZIP ")).0, Err(VerifyError::Compressed("gzip")));
    assert_eq!(kit(plain, b"{}", Some("private-words")).0, Err(VerifyError::Compressed("an unknown coding")));
    for coding in ["identity", ""] {
        assert_eq!(kit(plain, b"{}", Some(coding)).0, Err(VerifyError::Mismatch));
    }
    // A proxy may decompress and leave the header.
    assert_eq!(kit(plain, plain, Some("gzip")).0, Ok(()));
    let reported = headers(&[("content-encoding", "br")]);
    assert_eq!(VerifyError::Mismatch.or_compressed(&reported), VerifyError::Compressed("br"));
    assert_eq!(VerifyError::Unsigned("signature").or_compressed(&reported), VerifyError::Unsigned("signature"));
}

#[test]
fn a_repeated_member_is_named_where_the_signature_fails() {
    // As the guide prints singleOrgSync.
    let repeated = br#"{"instanceId":"i-1","tenantId":"t","orgCode":"D1","instanceId":"i-2","flag":1}"#;
    let named = || VerifyError::RepeatedMember("instanceId".to_owned());
    for signed in [
        &br#"{"flag":1,"instanceId":"i-2","orgCode":"D1","tenantId":"t"}"#[..],
        br#"{"flag":1,"instanceId":"i-1","orgCode":"D1","tenantId":"t"}"#,
    ] {
        assert_eq!(kit(signed, repeated, None), (Err(named()), Diagnosis::Refused(named())));
        assert_eq!(v2(signed, repeated), (Err(named()), Diagnosis::Refused(named())));
    }
    assert!(named().to_string().contains("\"instanceId\" is repeated"));
    // Over the bytes received the signature is right.
    assert_eq!((v2(repeated, repeated).0, kit(repeated, repeated, None).0), (Ok(()), Ok(())));
    assert_eq!(v2(b"{}", br#"{"a":1,"b":1}"#).0, Err(VerifyError::Mismatch));
}

#[test]
fn signed_headers_in_capitals_are_named() {
    let credentials = Credentials::new("AccessKey", "SecretKey").unwrap();
    let signed = aksk::sign(Request::get("https://h/a").body("").unwrap(), &credentials, NOW).unwrap();
    let (mut parts, _) = signed.into_parts();
    let capitals = parts.headers["authorization"].to_str().unwrap().replace("host;x-sdk-date", "Host;X-Sdk-Date");
    parts.headers.insert("authorization", capitals.parse().unwrap());
    assert_eq!(aksk::verify(&parts, b"", &credentials, NOW), Err(VerifyError::Malformed("SignedHeaders")));
}

/// What `verify` says to a call in seconds, signed right, so many of them from now.
fn in_seconds(nonce: &str, seconds: i64, window: Window) -> Result<(), VerifyError> {
    let timestamp = seconds.to_string();
    let signature = callback_v2::sign(&key(), nonce, &timestamp, b"{}");
    let query = format!("signature={signature}&timestamp={timestamp}&nonce={nonce}");
    callback_v2::verify(&KeyRing::new(key()), &query, b"{}", Timestamp::from_unix_millis(seconds * 1000), window)
        .map(drop)
}

#[test]
fn seconds_are_refused_only_where_the_other_reading_is_fresh() {
    let window = Window::default();
    // 170 and the seconds are milliseconds of 2023.
    assert_eq!(in_seconds("abcdef170", 1_795_859_329, window), Ok(()));
    assert_eq!(in_seconds("abcdef179", 1_795_859_329, window), Ok(()));
    // Of a captured call in milliseconds three digits were moved: both readings are of this moment.
    let moment = 1_791_791_791;
    assert_eq!(in_seconds("abcdef179", moment, window), Err(VerifyError::Ambiguous("nonce")));
    // Whatever the window is, a day counts.
    let always = Window::symmetric(std::time::Duration::MAX);
    assert_eq!(in_seconds("abcdef170", 1_795_859_329, always), Ok(()));
    assert_eq!(in_seconds("abcdef179", moment, always), Err(VerifyError::Ambiguous("nonce")));
}

proptest::proptest! {
    #[test]
    fn seconds_and_digits_at_the_end_of_the_nonce(
        nonce in "[0-9a-f]{0,29}[0-9]{3}",
        seconds in proptest::prop_oneof![1_680_000_000_i64..1_990_000_000, 1_791_791_700_i64..1_791_791_900],
    ) {
        let other: i64 = format!("{}{seconds}", &nonce[nonce.len() - 3..]).parse().unwrap();
        let is_fresh = (other - seconds * 1000).abs() <= 86_400_000;
        let expected = if is_fresh { Err(VerifyError::Ambiguous("nonce")) } else { Ok(()) };
        proptest::prop_assert_eq!(in_seconds(&nonce, seconds, Window::default()), expected);
    }
}
