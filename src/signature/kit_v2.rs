//! `x-sign`, the header signature of V2.0 Kit callbacks ("联营kit接口HTTP Body签名").
//!
//! `x-sign = hex(HMAC-SHA256(key, key + x-nonce + x-timestamp + body))`, without the inner HMAC of
//! [`callback_v2`](super::callback_v2), and with the key of its own interface type
//! ([`InterfaceType::Kit`](crate::key::InterfaceType::Kit)). The body counts in the canonical form that the
//! marketplace's sample project signs (top-level members sorted, nulls dropped, compact); if that does not match, as
//! received. Source: SaaS access guide V2.0, "HTTP Body签名" (2025-08-06) and its sample project.

use hmac::Mac as _;
use http::HeaderMap;

use super::{VerifyError, Window, header, hmac_from_hex, mismatch};
use crate::key::{AccessKey, HmacSha256, KeyRing};
use crate::text::json;
use crate::timestamp::Timestamp;

const SIGN: &str = "x-sign";
const TIMESTAMP: &str = "x-timestamp";
const NONCE: &str = "x-nonce";

/// Samples have 64 characters; what is longer is not remembered but refused.
const MAX_NONCE: usize = 128;

/// A call whose signature and age are right. Only this can be parsed, or handed to a queue as raw text.
///
/// Its nonce has not been claimed yet.
#[derive(Clone)]
pub struct Verified<'a> {
    body: &'a [u8],
    nonce: &'a str,
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
    pub fn nonce(&self) -> &'a str {
        self.nonce
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
    /// The body holds personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified")
            .field("nonce", &self.nonce)
            .field("time", &self.time)
            .field("key_index", &self.key_index)
            .finish_non_exhaustive()
    }
}

/// Verifies the signature and the age of a call. `body` is the raw body, exactly as received.
///
/// # Errors
///
/// The first check that failed; a repeated nonce is not among them (see [`crate::replay`]).
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use koogallery::key::{AccessKey, KeyRing};
/// use koogallery::signature::{Window, kit_v2};
/// use koogallery::timestamp::Timestamp;
///
/// let ring = KeyRing::new(AccessKey::new("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")?);
/// let body = r#"{"instanceId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d", "name":"示例企业", "flag":1, "testFlag":1, "timeStamp":"20250101080000123"}"#;
/// let mut headers = HeaderMap::new();
/// let sign = "E328CA591214868A8B539496973C24024F4BAFB99BD47EC5EBF93CA312B31DA9";
/// headers.insert("x-sign", HeaderValue::from_static(sign));
/// headers.insert("x-timestamp", HeaderValue::from_static("1735689600123"));
/// headers.insert("x-nonce", HeaderValue::from_static("Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea"));
/// let now = Timestamp::from_unix_millis(1735689600123);
/// let verified = kit_v2::verify(&ring, &headers, body.as_bytes(), now, Window::default())?;
/// assert_eq!(verified.nonce(), "Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea");
/// assert!(kit_v2::verify(&ring, &headers, b"{}", now, Window::default()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "x-sign")]
pub fn verify<'a>(
    keys: &KeyRing,
    headers: &'a HeaderMap,
    body: &'a [u8],
    now: Timestamp,
    window: Window,
) -> Result<Verified<'a>, VerifyError> {
    Unverified::from_headers(headers, now, window)?.verify(keys, body).map_err(|error| error.or_compressed(headers))
}

/// Signs a body as the marketplace does, in capital hex. `body` counts as it is given; the marketplace gives the
/// canonical form, in which the requests of [`kit::v2`](crate::kit::v2) are written. For tests, simulators and
/// diagnosis.
pub fn sign(key: &AccessKey, nonce: &str, timestamp: &str, body: &[u8]) -> String {
    const_hex::encode_upper(mac(key, nonce, timestamp, body).finalize().into_bytes())
}

/// The three headers, names and values, of a call made now. As [`sign`].
///
/// ```
/// use koogallery::key::AccessKey;
/// use koogallery::signature::kit_v2;
///
/// let key = AccessKey::new("a-key")?;
/// let [(name, sign), (_, timestamp), _] = kit_v2::signed_headers(&key, "nonce", "20250102030405".parse()?, b"{}");
/// assert_eq!((name, timestamp.as_str()), ("x-sign", "1735787045000"));
/// assert_eq!(sign, kit_v2::sign(&key, "nonce", &timestamp, b"{}"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn signed_headers(key: &AccessKey, nonce: &str, time: Timestamp, body: &[u8]) -> [(&'static str, String); 3] {
    let timestamp = time.as_unix_millis().to_string();
    [(SIGN, sign(key, nonce, &timestamp, body)), (TIMESTAMP, timestamp), (NONCE, nonce.to_owned())]
}

fn mac(key: &AccessKey, nonce: &str, timestamp: &str, payload: &[u8]) -> HmacSha256 {
    key.hmac_of_text().chain_update(nonce).chain_update(timestamp).chain_update(payload)
}

/// Nonce, timestamp and body are signed without marks between them. They can be divided in one way only because the
/// nonce holds no `{`, the timestamp has exactly 13 digits, and the body begins with `{`: otherwise digits of a
/// captured call could be moved to give it a new nonce or a later time.
fn begins_as_an_object(body: &[u8]) -> Option<&[u8]> {
    body.trim_ascii_start().starts_with(b"{").then_some(body)
}

/// What proves a call, as its headers have it: complete and fresh, and not verified.
pub(crate) struct Unverified<'a> {
    signature: [u8; 32],
    timestamp: &'a str,
    time: Timestamp,
    nonce: &'a str,
}

impl<'a> Unverified<'a> {
    pub(crate) fn from_headers(headers: &'a HeaderMap, now: Timestamp, window: Window) -> Result<Self, VerifyError> {
        let timestamp = header(headers, TIMESTAMP)?.ok_or(VerifyError::Missing(TIMESTAMP))?;
        let nonce = header(headers, NONCE)?.ok_or(VerifyError::Missing(NONCE))?;
        let signature = header(headers, SIGN)?.ok_or(VerifyError::Unsigned(SIGN))?;
        let time = Timestamp::parse_unix(timestamp).ok().filter(|_| timestamp.len() == 13);
        let time = time.ok_or(VerifyError::Malformed(TIMESTAMP))?;
        let is_nonce = |byte: u8| byte.is_ascii_graphic() && byte != b'{';
        if nonce.len() > MAX_NONCE || !nonce.bytes().all(is_nonce) {
            return Err(VerifyError::Malformed(NONCE));
        }
        let signature = hmac_from_hex(signature).ok_or(VerifyError::Malformed(SIGN))?;
        window.check(time, now)?;
        Ok(Self { signature, timestamp, time, nonce })
    }

    pub(crate) fn verify(self, keys: &KeyRing, body: &'a [u8]) -> Result<Verified<'a>, VerifyError> {
        let Self { signature, timestamp, time, nonce } = self;
        let matching_key = |payload: &[u8]| {
            keys.iter().position(|key| mac(key, nonce, timestamp, payload).verify_slice(&signature).is_ok())
        };
        // As received first, since that costs no copy.
        let key_index = begins_as_an_object(body)
            .and_then(matching_key)
            .or_else(|| matching_key(json::canonical(body).ok()?.as_bytes()))
            .ok_or_else(|| mismatch::of_body(body))?;
        Ok(Verified { body, nonce, signature, time, key_index })
    }
}
