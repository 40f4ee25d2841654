//! The `authToken` of V1.0 callbacks (`GET`); for those of the Kit (`POST`) see [`super::auth_token_body`].
//!
//! Base64 of HMAC-SHA256 with the key text followed by `timeStamp` as its key, over the decoded parameters, sorted by
//! name and joined as `name=value` with `&`. Unknown and empty parameters count; repeated ones are refused, because the
//! marketplace's sample signs only the first and a copy could be added to erase a field. Source: SaaS access guide
//! V1.0, "authToken" (China 2025-04-25, joint operations 2024-12-25, international).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;
use memchr::memchr2;
use time::UtcOffset;

use super::{VerifyError, Window};
use crate::key::{AccessKey, HmacSha256, KeyRing};
use crate::query::{self, Plus};
use crate::text::order::utf16_order;
use crate::timestamp::Timestamp;

pub(super) const TOKEN: &str = "authToken";
pub(super) const TIME_STAMP: &str = "timeStamp";
const MAX_PARAMETERS: usize = 256;

/// A call whose token and age are right. Only this can be parsed, or handed to a queue as raw text.
#[derive(Clone)]
pub struct Verified<'a> {
    parameters: Vec<Parameter<'a>>,
    proof: Proof,
}

pub(crate) type Parameter<'a> = (Cow<'a, str>, Cow<'a, str>);

impl Verified<'_> {
    pub(crate) fn pairs(&self) -> &[Parameter<'_>] {
        &self.parameters
    }

    /// The decoded parameters, sorted by name, without `authToken`.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (&**name, &**value))
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
    /// Parameters hold personal data, and the token opens the call to any reader.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified").field("proof", &self.proof).finish_non_exhaustive()
    }
}

/// Verifies the token and the age of a call. `query` is the raw query string of the request.
///
/// Parameters are decoded once, as a form (`+` is a space). If that gives another token and the query holds a raw `+`,
/// the `+` is taken literally: published integrations show calls in which it was never escaped.
///
/// # Errors
///
/// The first check that failed; a repeated token is not among them (see [`crate::replay`]).
///
/// ```
/// use std::time::Duration;
/// use koogallery::key::{AccessKey, KeyRing};
/// use koogallery::signature::{Window, auth_token};
///
/// let ring = KeyRing::new(AccessKey::new("12345678-90ab-cdef-1234-567890abcdef")?);
/// let query = "activity=expireInstance&instanceId=inst-1&orderId=CS0000000001&timeStamp=20250102030405678\
///              &authToken=dmftdHPfPXUTXDELynJ1PLATsQclefDXLwC4hcy9wOw%3D";
/// let now = "20250102030500".parse()?;
/// let verified = auth_token::verify(&ring, query, now, Window::symmetric(Duration::from_secs(3600)))?;
/// assert!(verified.parameters().any(|pair| pair == ("instanceId", "inst-1")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "authToken")]
#[doc(alias = "verificateRequestParams")]
pub fn verify<'a>(keys: &KeyRing, query: &'a str, now: Timestamp, window: Window) -> Result<Verified<'a>, VerifyError> {
    let verified = match verify_decoded(keys, query, Plus::Space) {
        Err(VerifyError::Mismatch) if query.contains('+') => verify_decoded(keys, query, Plus::Literal),
        outcome => outcome,
    }?;
    window.check(verified.time(), now)?;
    Ok(verified)
}

/// Returns the token for a raw query string without one. For tests, simulators and diagnosis.
///
/// # Errors
///
/// The query cannot be decoded, repeats a parameter, has a token already or lacks `timeStamp`.
pub fn sign(key: &AccessKey, query: &str) -> Result<String, VerifyError> {
    let (parameters, token) = sorted_parameters(query, Plus::Space)?;
    if token.is_some() {
        return Err(VerifyError::Repeated(TOKEN.to_owned()));
    }
    token_of(key, &parameters)
}

/// The query string with its token added.
///
/// # Errors
///
/// As [`sign`].
pub fn signed_query(key: &AccessKey, query: &str) -> Result<String, VerifyError> {
    let token = sign(key, query)?;
    let mut signed = query.to_owned();
    query::push_pair(&mut signed, TOKEN, &token);
    Ok(signed)
}

fn verify_decoded<'a>(keys: &KeyRing, query: &'a str, plus: Plus) -> Result<Verified<'a>, VerifyError> {
    let (parameters, token) = sorted_parameters(query, plus)?;
    let proof = prove(keys, &parameters, &token_of_text(token.as_deref())?, &QUERY)?;
    Ok(Verified { parameters, proof })
}

/// Proof given by a right token.
#[derive(Clone)]
pub(super) struct Proof {
    pub(super) token: [u8; 32],
    pub(super) time: Timestamp,
    pub(super) key_index: usize,
}

impl std::fmt::Debug for Proof {
    /// The token opens the call to any reader.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof").field("time", &self.time).field("key_index", &self.key_index).finish_non_exhaustive()
    }
}

/// Origin of the parameters, and the settings that follow from it.
pub(super) struct Origin {
    /// The zone of `timeStamp`.
    pub(super) zone: UtcOffset,
    /// Whether a mark can only stand in a text that had to be decoded.
    pub(super) marks_are_encoded: bool,
    /// The names of the documents.
    pub(super) known: &'static [&'static str],
}

impl Origin {
    /// The text, if marks stand in it.
    #[allow(clippy::ptr_arg)] // whether it is owned is the question
    fn with_marks<'c>(&self, text: &'c Cow<'_, str>) -> Option<&'c str> {
        match text {
            Cow::Borrowed(_) if self.marks_are_encoded => None,
            text => memchr2(b'&', b'=', text.as_bytes()).map(|_| &**text),
        }
    }
}

const QUERY: Origin = Origin { zone: UtcOffset::UTC, marks_are_encoded: true, known: &KNOWN };

/// Verifies the token of parameters that are in order of their names.
pub(super) fn prove(
    keys: &KeyRing,
    parameters: &[Parameter<'_>],
    token: &[u8; 32],
    origin: &Origin,
) -> Result<Proof, VerifyError> {
    let time_stamp = time_stamp_of(parameters)?;
    if let Some(field) = ambiguous(parameters, origin) {
        return Err(VerifyError::Ambiguous(field));
    }
    let key_index = keys
        .iter()
        .position(|key| mac(key, time_stamp, parameters).verify_slice(token).is_ok())
        .ok_or(VerifyError::Mismatch)?;
    let time = Timestamp::parse_compact(time_stamp, origin.zone).map_err(|_| VerifyError::Malformed(TIME_STAMP))?;
    Ok(Proof { token: *token, time, key_index })
}

/// The token of parameters that are in order of their names.
pub(super) fn token_of(key: &AccessKey, parameters: &[Parameter<'_>]) -> Result<String, VerifyError> {
    let time_stamp = time_stamp_of(parameters)?;
    Ok(STANDARD.encode(mac(key, time_stamp, parameters).finalize().into_bytes()))
}

/// Names and values are signed without escaping, so a captured `a=1&testFlag=1` has the same token as `a` with the
/// value `1&testFlag=1`, and a debug call would become a real one. So no name may hold a mark, and no value may hold a
/// parameter that the protocol knows and that would stand behind it. (The other way round, a value that holds one
/// cannot be split by an outsider: the marketplace would have had to sign it, and such a call is refused.)
fn ambiguous(parameters: &[Parameter<'_>], origin: &Origin) -> Option<&'static str> {
    if parameters.iter().any(|(name, _)| origin.with_marks(name).is_some()) {
        return Some("a parameter name");
    }
    let hidden = |(name, value): &Parameter<'_>| {
        let parts = origin.with_marks(value)?.split('&').skip(1);
        parts.filter_map(|part| part.split_once('=')).find_map(|(hidden, _)| {
            // A name that sorts before cannot have stood there.
            origin.known.iter().copied().find(|&known| known == hidden && known > &**name)
        })
    };
    parameters.iter().find_map(hidden)
}

/// The parameters of all V1.0 documents of the SaaS callbacks; License V1 has no others.
pub(super) const KNOWN: [&str; 29] = [
    "acceptanceTime",
    "activity",
    "amount",
    "authToken",
    "bandWidth",
    "businessId",
    "chargingMode",
    "customerId",
    "customerName",
    "diskSize",
    "email",
    "expireTime",
    "instanceId",
    "instanceStatus",
    "mobilePhone",
    "orderAmount",
    "orderId",
    "periodNumber",
    "periodType",
    "productId",
    "provisionType",
    "saasExtendParams",
    "skuCode",
    "testFlag",
    "timeStamp",
    "trialFlag",
    "trialToFormal",
    "userId",
    "userName",
];

/// The bytes of a token.
pub(super) fn token_of_text(token: Option<&str>) -> Result<[u8; 32], VerifyError> {
    let token = token.filter(|token| !token.is_empty()).ok_or(VerifyError::Unsigned(TOKEN))?;
    decode_token(token).ok_or(VerifyError::Malformed(TOKEN))
}

fn decode_token(token: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 33];
    let token = query::plus_restored(token);
    match STANDARD.decode_slice(&*token, &mut bytes) {
        Ok(32) if token.len() == 44 => bytes[..32].try_into().ok(),
        _ => None,
    }
}

/// The parameters in order of their names, and the token apart.
#[allow(clippy::type_complexity)] // no name would say more
fn sorted_parameters(query: &str, plus: Plus) -> Result<(Vec<Parameter<'_>>, Option<Cow<'_, str>>), VerifyError> {
    let mut parameters: Vec<Parameter<'_>> = Vec::with_capacity(20);
    let mut token = None;
    for pair in query::raw_pairs(query) {
        let (Some(name), Some(value)) = (pair.decoded_name(plus), pair.decoded_value(plus)) else {
            return Err(VerifyError::UndecodableQuery);
        };
        if name == TOKEN {
            if token.replace(value).is_some() {
                return Err(VerifyError::Repeated(TOKEN.to_owned()));
            }
        } else if parameters.len() == MAX_PARAMETERS {
            return Err(VerifyError::UndecodableQuery);
        } else {
            parameters.push((name, value));
        }
    }
    sort(&mut parameters)?;
    Ok((parameters, token))
}

/// Brings parameters in the order of their names; refuses repeated ones.
pub(super) fn sort(parameters: &mut [Parameter<'_>]) -> Result<(), VerifyError> {
    parameters.sort_unstable_by(|(a, _), (b, _)| utf16_order(a, b));
    match parameters.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(VerifyError::Repeated(pair[0].0.clone().into_owned())),
        None => Ok(()),
    }
}

fn time_stamp_of<'p>(parameters: &'p [Parameter<'_>]) -> Result<&'p str, VerifyError> {
    let found = parameters.iter().find(|(name, _)| name == TIME_STAMP);
    let text = found.map(|(_, value)| &**value).filter(|text| !text.is_empty());
    text.ok_or(VerifyError::Unsigned(TIME_STAMP))
}

fn mac(key: &AccessKey, time_stamp: &str, parameters: &[Parameter<'_>]) -> HmacSha256 {
    let length = parameters.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    // One piece, because hashing many small ones costs more than joining them.
    let mut joined = String::with_capacity(length);
    for (name, value) in parameters {
        if !joined.is_empty() {
            joined.push('&');
        }
        joined.push_str(name);
        joined.push('=');
        joined.push_str(value);
    }
    key.hmac_followed_by(time_stamp).chain_update(joined)
}
