//! Captured calls, as the command reads, repeats and writes them.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use koogallery::protocol::SignatureScheme;
use koogallery::query::{Plus, raw_pairs};
use koogallery::signature::{VerifyError, Window, auth_token, auth_token_body, callback_v2, kit_v2};
use koogallery_cli::fuzzing::{captured, judged, recorded, repeated};
use koogallery_simulator::Answer;
use koogallery_simulator::http1::RequestHead;

use super::callbacks::received;
use crate::seeds::{KEY, NOW, on_the_wire};

/// What a connection brings reads the same from a capture; a call that is repeated is signed so that it verifies.
pub(super) fn capture(data: &[u8]) {
    let read = captured(data);
    if let Some((head, body)) = received(data).filter(|_| str::from_utf8(data).is_ok()) {
        let message = read.as_ref().expect("what a connection brings is a message");
        assert_eq!(message.request.as_ref(), Some(&(head.method.clone(), head.target.clone())));
        let headers = head.headers.iter().map(|(name, value)| (name, String::from_utf8_lossy(value)));
        assert!(
            headers.eq(message.headers.iter().map(|(name, value)| (&**name, value.as_str().into()))),
            "{message:?}"
        );
        let is_framed = head.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        assert!(!is_framed || message.body == body, "{message:?}");
    }
    let key = AccessKey::new(KEY).expect("it is a key");
    if let Some(Ok((scheme, request))) = repeated(data, &key, NOW) {
        // Of the Kit's calls, only objects have a signature that is right.
        let may_be_refused = scheme == SignatureScheme::KitV2 && !request.body().trim_ascii_start().starts_with(b"{");
        let verified = verify(&KeyRing::new(key), scheme, &request);
        assert!(verified.is_ok() || may_be_refused, "{verified:?}");
    }
    if let Ok(message) = read
        && let Some((_, target)) = &message.request
    {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers =
            message.headers.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        let finding = judged(path, query, &headers.collect(), &message.body, &keys(), NOW);
        assert!(!finding.contains(['\n', '\r', '\u{1b}']), "{finding:?}");
    }
}

/// One key, since diagnosis tries every mistake with each.
fn keys() -> AccessKeys {
    let key = AccessKey::new(KEY).expect("it is a key");
    AccessKeys::new().with(InterfaceType::Basic, key).expect("it is the only one")
}

fn verify(ring: &KeyRing, scheme: SignatureScheme, request: &Request<Bytes>) -> Result<(), VerifyError> {
    let (query, headers, body) = (request.uri().query().unwrap_or_default(), request.headers(), request.body());
    let window = Window::default();
    match scheme {
        SignatureScheme::CallbackV2 => callback_v2::verify(ring, query, body, NOW, window).map(drop),
        SignatureScheme::KitV2 => kit_v2::verify(ring, headers, body, NOW, window).map(drop),
        SignatureScheme::AuthToken => auth_token::verify(ring, query, NOW, window).map(drop),
        SignatureScheme::AuthTokenBody => auth_token_body::verify(ring, headers, body, NOW, window).map(drop),
    }
}

/// A call with a right signature, and a seller who sends all of it back: neither key nor signature is in the files, and they are
/// read again.
pub(super) fn recording(data: &[u8]) {
    let key = AccessKey::new(KEY).expect("it is a key");
    let Some(Ok((scheme, request))) = repeated(data, &key, NOW) else { return };
    let Ok(Some((head, _))) = RequestHead::parse(&on_the_wire(&request)) else { return };
    let signature = signature(scheme, &request).expect("it is signed");
    let body = request.into_body();
    let echo = Answer::from_wire(200, vec![("X-Echo".to_owned(), signature.clone())], body.clone(), Duration::ZERO);
    for file in recorded(head, body, echo, &keys(), NOW) {
        let text = String::from_utf8(file).expect("captures are UTF-8");
        assert!(!text.contains(KEY) && !text.contains(&signature), "{text}");
        captured(text.as_bytes()).expect("what is recorded is a message");
    }
}

fn signature(scheme: SignatureScheme, request: &Request<Bytes>) -> Option<String> {
    let name = scheme.signature_name();
    if !scheme.is_in_query() {
        return Some(request.headers().get(name)?.to_str().ok()?.to_owned());
    }
    let pair = raw_pairs(request.uri().query()?).find(|pair| pair.name == name)?;
    Some(pair.decoded_value(Plus::Space)?.into_owned())
}
