//! The `authToken` of V1.0 Kit callbacks (`POST`): in a header, over the members of the JSON body.
//!
//! Made as the one in a query (see [`auth_token`]), with these differences: blank members (null, empty or white space
//! only) do not count, and `timeStamp` is in UTC+8. Strings count as decoded text, so the lists that V1.0 sends as text
//! stand there as they are; numbers and truth values count as written. Arrays and objects do not occur; they would
//! count as the JSON text received (unverified). Values are not percent-decoded, although the document repeats that
//! sentence for bodies: the marketplace's sample does not. Source: joint-operations SaaS access guide V1.0, "authToken"
//! (2025-12-30) and its sample for `POST` (2025-11-13).

use std::borrow::Cow;

use http::HeaderMap;

use super::auth_token::{self, Origin, Parameter, Proof, TOKEN};
use super::{VerifyError, Window, header, mismatch};
use crate::key::{AccessKey, KeyRing};
use crate::query::{self, Plus};
use crate::text::json::{self, JsonError, Member};
use crate::timestamp::{CHINA, Timestamp};

/// The header's name; its letter case does not matter.
pub const HEADER: &str = TOKEN;

/// A call whose token and age are right. Only this can be parsed, or handed to a queue as raw text.
#[derive(Clone)]
pub struct Verified<'a> {
    body: &'a [u8],
    members: Vec<Member<'a>>,
    proof: Proof,
}

impl<'a> Verified<'a> {
    /// The body as received. Blank members in it are not signed.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The signed members: names and untouched value texts.
    pub(crate) fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// The token, to be claimed in a replay guard.
    pub fn token(&self) -> &[u8; 32] {
        &self.proof.token
    }

    /// Returns the time of the call.
    pub fn time(&self) -> Timestamp {
        self.proof.time
    }

    /// Returns the index of the key that matched, counted from 0.
    pub fn key_index(&self) -> usize {
        self.proof.key_index
    }
}

impl std::fmt::Debug for Verified<'_> {
    /// The body holds personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified").field("proof", &self.proof).finish_non_exhaustive()
    }
}

/// Verifies the token and the age of a call. `body` is the raw body, exactly as received.
///
/// One pair of quotes around the token is taken off, as the document's sample has them, and a token that was
/// percent-encoded or lost its `+` is restored.
///
/// # Errors
///
/// The first check that failed; a repeated token is not among them (see [`crate::replay`]).
///
/// ```
/// use std::time::Duration;
/// use koogallery::key::{AccessKey, KeyRing};
/// use koogallery::signature::{Window, auth_token_body};
/// use koogallery::timestamp::{CHINA, Timestamp};
///
/// let ring = KeyRing::new(AccessKey::new("12345678-90ab-cdef-1234-567890abcdef")?);
/// let body = br#"{"instanceId":"inst-1","orderId":"CS0000000001","tenantId":"t1","name":"","flag":1,"testFlag":0,"timeStamp":"20250102110405678"}"#;
/// let headers = http::HeaderMap::from_iter([(
///     http::HeaderName::try_from(auth_token_body::HEADER)?,
///     http::HeaderValue::from_static("kA7GUjdy8Qcd/Dug/4oc2of5wf3TMrXoHdZXIPxEShA="),
/// )]);
/// let now = Timestamp::parse_compact("20250102110500", CHINA)?;
/// let window = Window::symmetric(Duration::from_secs(3600));
/// assert!(auth_token_body::verify(&ring, &headers, body, now, window).is_ok());
/// assert!(auth_token_body::verify(&ring, &headers, b"{}", now, window).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "authToken")]
pub fn verify<'a>(
    keys: &KeyRing,
    headers: &HeaderMap,
    body: &'a [u8],
    now: Timestamp,
    window: Window,
) -> Result<Verified<'a>, VerifyError> {
    let call = Unverified::from_headers(headers)?;
    call.verify(keys, body, now, window).map_err(|error| error.or_compressed(headers))
}

/// What proves a call, as its headers have it, and not verified. Its time stands in the body.
pub(crate) struct Unverified {
    token: [u8; 32],
}

impl Unverified {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, VerifyError> {
        let token = header(headers, HEADER)?.map(unquoted);
        let token = token.map(|token| query::decode(token, Plus::Literal).ok_or(VerifyError::Malformed(HEADER)));
        Ok(Self { token: auth_token::token_of_text(token.transpose()?.as_deref())? })
    }

    pub(crate) fn verify<'a>(
        self,
        keys: &KeyRing,
        body: &'a [u8],
        now: Timestamp,
        window: Window,
    ) -> Result<Verified<'a>, VerifyError> {
        let members = signed_members(body)?;
        let parameters = sorted_parameters(&members)?;
        let proof = auth_token::prove(keys, &parameters, &self.token, &BODY)?;
        window.check(proof.time, now)?;
        Ok(Verified { body, members, proof })
    }
}

/// Returns the token for a body. For tests, simulators and diagnosis.
///
/// # Errors
///
/// The body cannot be decoded, repeats a member or lacks `timeStamp`.
pub fn sign(key: &AccessKey, body: &[u8]) -> Result<String, VerifyError> {
    auth_token::token_of(key, &sorted_parameters(&signed_members(body)?)?)
}

const BODY: Origin = Origin { zone: CHINA, marks_are_encoded: false, known: &KNOWN };

/// The members of all Kit documents of V1.0.
pub(super) const KNOWN: [&str; 18] = [
    "appId",
    "clientId",
    "clientSecret",
    "currentSyncTime",
    "domainName",
    "flag",
    "instanceId",
    "name",
    "orderId",
    "orgCode",
    "orgInfo",
    "orgName",
    "parentCode",
    "tenantCode",
    "tenantId",
    "testFlag",
    "timeStamp",
    "userList",
];

pub(super) fn unquoted(token: &str) -> &str {
    let inner = token.strip_prefix(['"', '“']).and_then(|token| token.strip_suffix(['"', '”']));
    inner.unwrap_or(token)
}

/// Returns the members that the token covers. Others must not be read.
fn signed_members(body: &[u8]) -> Result<Vec<Member<'_>>, VerifyError> {
    let mut members = json::members(body).map_err(|error| match error {
        JsonError::RepeatedMember(name) => VerifyError::Repeated(name),
        _ => mismatch::coding_of(body).map_or(VerifyError::UndecodableBody, VerifyError::Compressed),
    })?;
    members.retain(|(name, value)| name != TOKEN && text_of(value).is_none_or(|text| !is_blank(&text)));
    Ok(members)
}

fn sorted_parameters<'m>(members: &'m [Member<'_>]) -> Result<Vec<Parameter<'m>>, VerifyError> {
    let mut parameters = Vec::with_capacity(members.len());
    for (name, value) in members {
        let text = text_of(value).ok_or(VerifyError::UndecodableBody)?;
        parameters.push((Cow::Borrowed(&**name), text));
    }
    auth_token::sort(&mut parameters)?;
    Ok(parameters)
}

/// The text that counts; empty for null, `None` where an escape names no character.
pub(super) fn text_of(value: &str) -> Option<Cow<'_, str>> {
    match value {
        "null" => Some(Cow::Borrowed("")),
        string if string.starts_with('"') => json::unquote(string),
        other => Some(Cow::Borrowed(other)),
    }
}

/// Blank as Java's `isBlank` has it, with which the marketplace's sample skips.
pub(super) fn is_blank(text: &str) -> bool {
    let is_java_whitespace = |character: char| match character {
        '\u{85}' | '\u{a0}' | '\u{2007}' | '\u{202f}' => false,
        '\u{1c}'..='\u{1f}' => true,
        other => other.is_whitespace(),
    };
    text.chars().all(is_java_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_taken_off_in_pairs() {
        for (printed, expected) in
            [("\"a\"", "a"), ("\"a”", "a"), ("“a”", "a"), ("a", "a"), ("\"a", "\"a"), ("\"\"a\"\"", "\"a\"")]
        {
            assert_eq!(unquoted(printed), expected);
        }
    }

    #[test]
    fn blank_is_what_java_calls_blank() {
        for blank in ["", " ", "\t\n\u{b}\u{c}\r", "\u{1c}\u{1f}", "\u{3000}\u{2028}"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for text in ["x", " x", "\u{a0}", "\u{85}", "\u{2007}", "\u{202f}", "\u{200b}", "\0"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }
}
