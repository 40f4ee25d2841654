//! The query signature of V2.0 callbacks ("基础接口HTTP Body签名").
//!
//! `signature = hex(HMAC(key, key + nonce + timestamp + hex(HMAC(key, body))))`, HMAC-SHA256 throughout. The body
//! counts as received; if that does not match, in the canonical form that the marketplace's sample project signs
//! (top-level members sorted, nulls dropped, compact). Source: SaaS access guide V2.0, "HTTP Body签名" (China 2025-08-06,
//! international 2025-10-09, Europe 2023-07-14).

use std::borrow::Cow;
use std::time::Duration;

use hmac::Mac as _;

use super::{VerifyError, Window, hmac_from_hex, mismatch};
use crate::key::{AccessKey, HmacSha256, KeyRing};
use crate::query::{self, Plus};
use crate::text::json::{self, JsonError};
use crate::timestamp::Timestamp;

/// Samples have 16 to 64 characters; what is longer is not remembered but refused.
const MAX_NONCE: usize = 128;

/// A call whose signature and age are right. Only this can be parsed, or handed to a queue as raw text.
///
/// Its nonce has not been claimed yet.
#[derive(Clone)]
pub struct Verified<'a> {
    body: &'a [u8],
    nonce: Cow<'a, str>,
    signature: [u8; 32],
    time: Timestamp,
    key_index: usize,
}

impl<'a> Verified<'a> {
    /// The body as received.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The nonce, to be claimed in a replay guard.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Returns the signature, which covers key, nonce, time and body: another call has another one.
    pub fn signature(&self) -> &[u8; 32] {
        &self.signature
    }

    /// Returns the time of the call.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Returns the index of the key that matched, counted from 0.
    pub fn key_index(&self) -> usize {
        self.key_index
    }
}

impl std::fmt::Debug for Verified<'_> {
    /// With the signature, the call could be repeated.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified")
            .field("body", &self.body)
            .field("nonce", &self.nonce)
            .field("time", &self.time)
            .field("key_index", &self.key_index)
            .finish_non_exhaustive()
    }
}

/// Verifies the signature and the age of a call.
///
/// `query` is the raw query string of the request, `body` its raw body; both exactly as received.
///
/// # Errors
///
/// The first check that failed; a repeated nonce is not among them (see [`crate::replay`]).
///
/// ```
/// use koogallery::key::{AccessKey, KeyRing};
/// use koogallery::signature::{Window, callback_v2};
/// use koogallery::timestamp::Timestamp;
///
/// let ring = KeyRing::new(AccessKey::new("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")?);
/// let body = br#"{"activity":"newInstance","businessId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d","orderId":"CS2501010000ABCDE","orderLineId":"CS2501010000ABCDE-000001","testFlag":"1"}"#;
/// let query = "signature=C17EC06BD6ED4113D2C28BB6E439AAA668FAFD49DD05C880AC0B554932A4DB6D\
///              &timestamp=1735689600123&nonce=Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea";
/// let now = Timestamp::from_unix_millis(1735689600123);
/// let verified = callback_v2::verify(&ring, query, body, now, Window::default())?;
/// assert_eq!(verified.nonce(), "Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea");
/// assert!(callback_v2::verify(&ring, query, b"{}", now, Window::default()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify<'a>(
    keys: &KeyRing,
    query: &'a str,
    body: &'a [u8],
    now: Timestamp,
    window: Window,
) -> Result<Verified<'a>, VerifyError> {
    Unverified::from_query(query, now, window)?.verify(keys, body)
}

/// Returns the canonical form of a body: top-level members sorted by UTF-16 code units, top-level nulls dropped, no
/// white space, strings escaped as Jackson writes them, number literals and nested order untouched.
///
/// # Errors
///
/// The body is no JSON object, or one with a repeated member, too many members or too deep ones.
///
/// ```
/// use koogallery::signature::callback_v2::canonical;
///
/// assert_eq!(canonical(br#"{"b": 1.0, "a": {"d": null, "c": 2}, "e": null}"#)?, r#"{"a":{"d":null,"c":2},"b":1.0}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn canonical(body: &[u8]) -> Result<String, JsonError> {
    json::canonical(body)
}

/// Signs a call as the marketplace does; lower-case hex. For tests, simulators and diagnosis.
pub fn sign(key: &AccessKey, nonce: &str, timestamp: &str, body: &[u8]) -> String {
    const_hex::encode(mac(key, nonce, timestamp, body).finalize().into_bytes())
}

/// The whole query string of a call made now.
pub fn signed_query(key: &AccessKey, nonce: &str, time: Timestamp, body: &[u8]) -> String {
    let timestamp = time.as_unix_millis().to_string();
    let mut signed = String::new();
    query::push_pair(&mut signed, "signature", &sign(key, nonce, &timestamp, body));
    query::push_pair(&mut signed, "timestamp", &timestamp);
    query::push_pair(&mut signed, "nonce", nonce);
    signed
}

#[inline]
fn mac(key: &AccessKey, nonce: &str, timestamp: &str, body: &[u8]) -> HmacSha256 {
    let digest = key.hmac().chain_update(body).finalize().into_bytes();
    let mut hex = const_hex::Buffer::<32>::new();
    let parts = [nonce, timestamp, hex.format(&digest.into())];
    // As one piece, since hashing several small ones costs more than joining them.
    let mut room = [0; 192];
    let mac = key.hmac_of_text();
    match joined(parts, &mut room) {
        Some(text) => mac.chain_update(text),
        None => parts.iter().fold(mac, |mac, part| mac.chain_update(part)),
    }
}

/// Writes texts one behind another. `None` if there is too little room.
fn joined<'r>(parts: [&str; 3], room: &'r mut [u8]) -> Option<&'r [u8]> {
    let mut length = 0;
    for part in parts {
        let end = length + part.len();
        room.get_mut(length..end)?.copy_from_slice(part.as_bytes());
        length = end;
    }
    room.get(..length)
}

/// Nonce and timestamp are signed without a mark between them, so a call in seconds may be one in milliseconds whose
/// first three digits were moved into the nonce. It is refused if that one was made within a day: under another nonce
/// it would count a second time. A day is more than any window, so that a call captured from a log is not worth waiting
/// for.
fn could_be_shifted(nonce: &str, timestamp: &str, now: Timestamp) -> bool {
    const FRESH: Duration = Duration::from_secs(24 * 3600);
    if timestamp.len() != 10 {
        return false;
    }
    let moved = nonce.len().checked_sub(3).and_then(|at| nonce.get(at..));
    let original = moved.and_then(|moved| Timestamp::parse_unix(&[moved, timestamp].concat()).ok());
    original.is_some_and(|original| original.abs_diff(now) <= FRESH)
}

/// What proves a call, as its query has it: complete and fresh, and not verified.
pub(crate) struct Unverified<'a> {
    signature: [u8; 32],
    timestamp: Cow<'a, str>,
    time: Timestamp,
    nonce: Cow<'a, str>,
}

impl<'a> Unverified<'a> {
    #[inline]
    pub(crate) fn from_query(query: &'a str, now: Timestamp, window: Window) -> Result<Self, VerifyError> {
        let [mut signature, mut timestamp, mut nonce] = [None, None, None];
        for pair in query::raw_pairs(query) {
            let place = match pair.name {
                "signature" => &mut signature,
                "timestamp" => &mut timestamp,
                "nonce" => &mut nonce,
                _ => continue,
            };
            let value = pair.decoded_value(Plus::Space).ok_or(VerifyError::UndecodableQuery)?;
            if place.replace(value).is_some() {
                return Err(VerifyError::Repeated(pair.name.to_owned()));
            }
        }
        let filled = |value: Option<Cow<'a, str>>| value.filter(|text| !text.is_empty());
        let signature = filled(signature).ok_or(VerifyError::Unsigned("signature"))?;
        let timestamp = filled(timestamp).ok_or(VerifyError::Missing("timestamp"))?;
        let nonce = filled(nonce).ok_or(VerifyError::Missing("nonce"))?;
        if nonce.len() > MAX_NONCE {
            return Err(VerifyError::Malformed("nonce"));
        }
        let signature = hmac_from_hex(&signature).ok_or(VerifyError::Malformed("signature"))?;
        let time = Timestamp::parse_unix(&timestamp).map_err(|_| VerifyError::Malformed("timestamp"))?;
        window.check(time, now)?;
        if could_be_shifted(&nonce, &timestamp, now) {
            return Err(VerifyError::Ambiguous("nonce"));
        }
        Ok(Self { signature, timestamp, time, nonce })
    }

    #[inline]
    pub(crate) fn verify(self, keys: &KeyRing, body: &'a [u8]) -> Result<Verified<'a>, VerifyError> {
        let matching_key = |body: &[u8]| {
            keys.iter()
                .position(|key| mac(key, &self.nonce, &self.timestamp, body).verify_slice(&self.signature).is_ok())
        };
        let key_index = matching_key(body)
            .or_else(|| matching_key(json::canonical(body).ok()?.as_bytes()))
            .ok_or_else(|| mismatch::of_body(body))?;
        let Self { signature, time, nonce, .. } = self;
        Ok(Verified { body, nonce, signature, time, key_index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_of_any_length_is_signed() {
        let key = AccessKey::new("0a1b2c3d-4e5f").unwrap();
        let digest = const_hex::encode(key.hmac().chain_update("{}").finalize().into_bytes());
        for length in 0..300 {
            let nonce = "n".repeat(length);
            let signed = key.hmac_of_text().chain_update(format!("{nonce}1{digest}")).finalize();
            assert_eq!(sign(&key, &nonce, "1", b"{}"), const_hex::encode(signed.into_bytes()), "{length}");
        }
    }
}
