//! The marketplace's signature schemes, each as plain functions on bytes: `verify` and `sign`.
//!
//! No framework, no clock, no store: the time is an argument, and a caller who verifies by hand must still claim the
//! nonce or token in a [replay guard](crate::replay). [`CallbackService`](crate::callback::CallbackService) does all of
//! it. `diagnosis` (feature `diagnosis`) finds out why a signature does not match.

pub mod aksk;
pub mod auth_token;
pub mod auth_token_body;
pub mod body_sign;
pub mod callback_v2;
#[cfg(feature = "diagnosis")]
pub mod diagnosis;
pub mod gateway_jwt;
pub mod kit_v2;
mod mismatch;
pub mod usage_push;

use std::fmt::Display;
use std::time::Duration;

use http::header::{AsHeaderName, HeaderMap, HeaderValue};

use crate::result_code::ResultCode;
use crate::timestamp::Timestamp;

/// Time window: how far the time of a call may be from now.
///
/// ```
/// use std::time::Duration;
/// use koogallery::signature::Window;
///
/// assert_eq!(Window::default(), Window::symmetric(Duration::from_secs(60)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    past_millis: u64,
    future_millis: u64,
}

impl Window {
    /// Returns a window of calls that are at most `past` old and at most `future` ahead.
    pub const fn new(past: Duration, future: Duration) -> Self {
        Self { past_millis: millis(past), future_millis: millis(future) }
    }

    /// Returns a window of the same distance both ways.
    pub const fn symmetric(distance: Duration) -> Self {
        Self::new(distance, distance)
    }

    /// Returns the time until which a call made at `time` is accepted, and so has to be remembered.
    pub fn expires_at(self, time: Timestamp) -> Timestamp {
        time.saturating_add(Duration::from_millis(self.past_millis))
    }

    pub(crate) fn check(self, time: Timestamp, now: Timestamp) -> Result<(), VerifyError> {
        let distance = time.as_unix_millis().abs_diff(now.as_unix_millis());
        match time < now {
            true if distance > self.past_millis => Err(VerifyError::TooOld(Duration::from_millis(distance))),
            false if distance > self.future_millis => Err(VerifyError::TooFarAhead(Duration::from_millis(distance))),
            _ => Ok(()),
        }
    }
}

const fn millis(duration: Duration) -> u64 {
    let millis = duration.as_millis();
    if millis > u64::MAX as u128 { u64::MAX } else { millis as u64 }
}

impl Default for Window {
    /// 60 seconds both ways, the documented window of V2.0.
    fn default() -> Self {
        Self::symmetric(Duration::from_secs(60))
    }
}

/// The check that a call failed. For the seller's log: the caller only learns [`VerifyError::result_code`].
#[doc(alias = "signature")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The proof of the call is missing.
    #[error("{0} is missing or empty: the call is unsigned")]
    Unsigned(&'static str),
    /// A parameter that freshness rests on is not there.
    #[error("{0} is missing or empty")]
    Missing(&'static str),
    /// A parameter has not its form.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// A parameter stands twice: it is unknown which one was signed.
    #[error("parameter {0:?} is repeated")]
    Repeated(String),
    /// The same signature would fit another division of what was signed.
    #[error("{0:?} could be read in two ways under the same signature")]
    Ambiguous(&'static str),
    /// The query is not UTF-8 text once decoded, or has more than 256 parameters.
    #[error("the query string cannot be decoded")]
    UndecodableQuery,
    /// The body is no JSON object of decodable text, has more than 256 members or nests more than 32 levels deep.
    #[error("the body cannot be decoded")]
    UndecodableBody,
    /// The call is older than the window allows.
    #[error("the call is {0:?} old")]
    TooOld(Duration),
    /// The call is dated further ahead than the window allows.
    #[error("the call is dated {0:?} ahead")]
    TooFarAhead(Duration),
    /// The token is made with another algorithm than the only one that counts.
    #[error("the token is made with algorithm {0:?}, not HS256")]
    Algorithm(String),
    /// No secret is known for the key that the token names.
    #[error("no secret is configured for the key that the token names")]
    UnknownKey,
    /// The token was valid until so long ago.
    #[error("the token expired {0:?} ago")]
    Expired(Duration),
    /// A member stands twice in the body, and no key gives the signature for the bytes received: over which of the two
    /// the canonical form was signed cannot be known.
    #[error("member {0:?} is repeated in the body, and the signature does not match the body as it was received")]
    RepeatedMember(String),
    /// The body arrived compressed, in this coding, and was signed before.
    #[error(
        "the body arrived compressed ({0}), and the signature is not that of the compressed bytes: \
         turn compression of requests off between the marketplace and the server"
    )]
    Compressed(&'static str),
    /// No key of the ring gives this signature for what was received.
    #[error("the signature does not match what was received, with any configured key")]
    Mismatch,
}

impl VerifyError {
    /// Returns the code that the documents give for the failure.
    pub const fn result_code(&self) -> ResultCode {
        match self {
            Self::Missing(_) | Self::TooOld(_) | Self::TooFarAhead(_) => ResultCode::InvalidParameter,
            Self::Malformed(field) if !is_proof(field) => ResultCode::InvalidParameter,
            _ => ResultCode::AuthenticationFailed,
        }
    }

    /// Names the compression that the headers of the call tell of, where the body cannot be read or was not signed so.
    ///
    /// For the schemes whose `verify` takes no headers; the others look by themselves.
    #[must_use]
    pub fn or_compressed(self, headers: &HeaderMap) -> Self {
        match self {
            Self::Mismatch | Self::UndecodableBody => mismatch::named_coding(headers).map_or(self, Self::Compressed),
            other => other,
        }
    }
}

const fn is_proof(field: &str) -> bool {
    matches!(
        field.as_bytes(),
        b"signature" | b"authToken" | b"Body-Sign" | b"Authorization" | b"SignedHeaders" | b"x-sign"
    )
}

/// The one value of a header; `None` where it is absent or empty.
fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, VerifyError> {
    let value = single_value(headers, name)?.map(|value| str::from_utf8(value.as_bytes()));
    let value = value.transpose().map_err(|_| VerifyError::Malformed(name))?;
    Ok(value.filter(|text| !text.is_empty()))
}

fn single_value(
    headers: &HeaderMap,
    name: impl AsHeaderName + Copy + Display,
) -> Result<Option<&HeaderValue>, VerifyError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(VerifyError::Repeated(name.to_string()));
    }
    Ok(value)
}

/// The bytes of an HMAC in hex of either case.
fn hmac_from_hex(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    // The length is checked because the decoder would also take a `0x` in front.
    (hex.len() == 64 && const_hex::decode_to_slice(hex, &mut bytes).is_ok()).then_some(bytes)
}
