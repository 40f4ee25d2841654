//! Signs a captured call again, with a new time and nonce; every other byte stays.

use std::borrow::Cow;
use std::collections::BTreeMap;

use koogallery::key::AccessKey;
use koogallery::protocol::SignatureScheme;
use koogallery::random::{self, OsRandom};
use koogallery::timestamp::Timestamp;
use koogallery_simulator::delivery::{self, time_stamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::RawValue;

use crate::Failure;
use crate::support::client_secret::{self, FIELD};
use crate::support::signed_call::SignedCall;

const TIME_STAMP: &str = "timeStamp";

/// The parts of a call that change.
pub struct Signed {
    pub query: String,
    /// Replace captured headers of the same name, in any letter case.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub signature: String,
}

impl Signed {
    pub fn new(
        scheme: SignatureScheme,
        key: &AccessKey,
        call: SignedCall<'_>,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let time = time_stamp(scheme, now);
        let mut query = call.query.to_owned();
        let mut body = with_readable_secret(call.body)?;
        match scheme {
            SignatureScheme::AuthToken => query = with_parameter(&query, TIME_STAMP, &time),
            SignatureScheme::AuthTokenBody => {
                body = with_member(&body, TIME_STAMP, &time)
                    .ok_or_else(|| Failure::new("the captured body is not a JSON object with a timeStamp"))?;
            }
            SignatureScheme::CallbackV2 | SignatureScheme::KitV2 => {}
        }
        let unsigned = || query.split('&').filter(|pair| !pair.starts_with("authToken=")).collect::<Vec<_>>().join("&");
        let content = match scheme {
            SignatureScheme::AuthToken => unsigned().into_bytes(),
            _ => body.clone(),
        };
        let proof = delivery::sign(scheme, key, &nonce()?, &now.as_unix_millis().to_string(), &content)
            .map_err(|error| Failure::of("the captured call cannot be signed", &error))?;
        let signature = proof.first().map(|(_, signature)| signature.clone()).unwrap_or_default();
        let mut headers = Vec::new();
        if scheme.is_in_query() {
            query = proof.iter().fold(query, |query, (name, value)| with_parameter(&query, name, value));
        } else {
            headers = proof;
        }
        Ok(Self { query, headers, body, signature })
    }
}

/// The secret was masked, but the seller has to decrypt it.
fn with_readable_secret(body: &[u8]) -> Result<Vec<u8>, Failure> {
    if with_member(body, FIELD, "").is_none() {
        return Ok(body.to_vec());
    }
    let secret = client_secret::invented()?;
    Ok(secret.and_then(|secret| with_member(body, FIELD, &secret)).unwrap_or_else(|| body.to_vec()))
}

/// Length as in the samples of the documents.
fn nonce() -> Result<String, Failure> {
    random::hex(&OsRandom).map_err(|error| Failure::of("no nonce was drawn", &error))
}

/// Returns the query with a parameter's value replaced in place, or the parameter appended.
fn with_parameter(query: &str, name: &str, value: &str) -> String {
    let new = format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
    let is_it = |pair: &str| pair.split_once('=').is_some_and(|(found, _)| found == name);
    if !query.split('&').any(is_it) {
        return if query.is_empty() { new } else { format!("{query}&{new}") };
    }
    query.split('&').map(|pair| if is_it(pair) { &*new } else { pair }).collect::<Vec<_>>().join("&")
}

/// Returns the body with a member's value replaced by a string; `None` without such a member.
fn with_member(body: &[u8], name: &str, text: &str) -> Option<Vec<u8>> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(body).ok()?;
    let old = members.get(name)?.get();
    // The value is a slice of the body, so this is its offset.
    let at = old.as_ptr() as usize - body.as_ptr() as usize;
    Some([&body[..at], format!("\"{text}\"").as_bytes(), &body[at + old.len()..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use koogallery::key::KeyRing;
    use koogallery::signature::{Window, auth_token, auth_token_body, callback_v2, kit_v2};

    const NOW: Timestamp = Timestamp::from_unix_millis(1_735_689_600_123);

    fn key() -> AccessKey {
        AccessKey::new("12345678-90ab-cdef-1234-567890abcdef").unwrap()
    }

    fn signed(scheme: SignatureScheme, query: &str, body: &[u8]) -> Signed {
        let headers = HeaderMap::new();
        Signed::new(scheme, &key(), SignedCall { path: "/", query, headers: &headers, body }, NOW).unwrap()
    }

    #[test]
    fn queries_change_in_place() {
        let body = b"{ \"activity\":\"newInstance\" }\n";
        let new = signed(SignatureScheme::CallbackV2, "a=%2B&signature=[masked]&timestamp=1&nonce=x&b=+", body);
        assert!(new.query.starts_with("a=%2B&signature=") && new.query.ends_with("&b=+"), "{}", new.query);
        assert_eq!(new.body, body);
        callback_v2::verify(&KeyRing::new(key()), &new.query, &new.body, NOW, Window::default()).unwrap();

        let new =
            signed(SignatureScheme::AuthToken, "authToken=%5Bmasked%5D&a=x+y&timeStamp=20200101000000000&b=", b"");
        assert!(new.query.ends_with("&a=x+y&timeStamp=20250101000000123&b="), "{}", new.query);
        auth_token::verify(&KeyRing::new(key()), &new.query, NOW, Window::default()).unwrap();
    }

    #[test]
    fn bodies_of_v1_get_another_time_and_nothing_else() {
        let new = signed(
            SignatureScheme::AuthTokenBody,
            "",
            b"{ \"a\" : 1,\n\"timeStamp\": \"20200101000000000\" , \"b\":\"x\"}",
        );
        assert_eq!(new.body, b"{ \"a\" : 1,\n\"timeStamp\": \"20250101080000123\" , \"b\":\"x\"}");
        let mut headers = HeaderMap::new();
        headers.insert(auth_token_body::HEADER, new.headers[0].1.parse().unwrap());
        auth_token_body::verify(&KeyRing::new(key()), &headers, &new.body, NOW, Window::default()).unwrap();
        for body in [&b"[]"[..], b"{}", b"", b"{\"a\":{\"timeStamp\":1}}"] {
            assert!(with_member(body, "timeStamp", "1").is_none());
        }
    }

    #[test]
    fn kit_calls_are_signed_in_headers() {
        let new = signed(SignatureScheme::KitV2, "", b"{\"flag\":1}");
        let mut headers = HeaderMap::new();
        new.headers.iter().for_each(|(name, value)| {
            headers.insert(*name, value.parse().unwrap());
        });
        kit_v2::verify(&KeyRing::new(key()), &headers, &new.body, NOW, Window::default()).unwrap();
    }
}
