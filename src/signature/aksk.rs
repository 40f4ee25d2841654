//! AK/SK request signing of the open APIs (`SDK-HMAC-SHA256`), written by hand because no crate has it.
//!
//! The gateway verifies exactly the headers that are listed as signed. [`sign`] signs `Host` and `X-Sdk-Date`, and
//! `X-Security-Token` and `X-Sdk-Content-Sha256` where they are sent; further ones by [`Signer::sign_header`]. A
//! request that is sent again must be signed again: the date may be 15 minutes off, and five wrong signatures lock the
//! key for five minutes. Source: API request signing guide (2022-09 to 2025-10) and the official SDKs.

mod canonical;
mod diagnosis;

use std::borrow::Cow;
use std::time::Duration;

use hmac::Mac as _;
use http::header::{AUTHORIZATION, Entry, HOST, HeaderName, HeaderValue, InvalidHeaderValue};
use http::request::Parts;
use http::{Request, Uri};
use memchr::memrchr;
use sha2::{Digest as _, Sha256};

pub use canonical::CanonicalRequest;
pub use diagnosis::{Difference, diff_with_gateway};

use super::{VerifyError, Window};
use crate::key::{Credentials, HmacSha256};
use crate::timestamp::Timestamp;

const ALGORITHM: &str = "SDK-HMAC-SHA256";
const X_SDK_DATE: HeaderName = HeaderName::from_static("x-sdk-date");
const X_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");
const X_SDK_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-sdk-content-sha256");

/// The value of `X-Sdk-Content-Sha256` that leaves the body out of the signature.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Tolerance of the date of a request.
const TOLERANCE: Window = Window::symmetric(Duration::from_secs(15 * 60));

/// The signed part of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// The bytes that are sent.
    Bytes(&'a [u8]),
    /// Their SHA-256, for bodies that are not in memory.
    Sha256([u8; 32]),
    /// Nothing: the header `X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD` is sent and signed instead.
    Unsigned,
}

/// Signs a request: sets `X-Sdk-Date`, `Host` unless it is set, `X-Security-Token` for temporary credentials, and
/// `Authorization`. An earlier signature is replaced.
///
/// # Errors
///
/// The address names no host, or a header to be signed is no text.
///
/// ```
/// use koogallery::key::Credentials;
/// use koogallery::signature::aksk;
///
/// let url = "https://service.endpoint.myhuaweicloud.com/resources?size=1";
/// let credentials = Credentials::new("AccessKey", "SecretKey")?;
/// let request = aksk::sign(http::Request::get(url).body("")?, &credentials, "20200608023900".parse()?)?;
/// assert_eq!(
///     request.headers()["authorization"],
///     "SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=host;x-sdk-date, \
///      Signature=cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "SDK-HMAC-SHA256")]
pub fn sign<B: AsRef<[u8]>>(
    request: Request<B>,
    credentials: &Credentials,
    time: Timestamp,
) -> Result<Request<B>, SignError> {
    let (mut parts, body) = request.into_parts();
    Signer::new(credentials).sign(&mut parts, Payload::Bytes(body.as_ref()), time)?;
    Ok(Request::from_parts(parts, body))
}

/// Signs requests with settings other than those of [`sign`].
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    credentials: &'a Credentials,
    /// In the order in which they are signed, each once.
    signed: Cow<'static, [HeaderName]>,
}

/// Headers that [`sign`] signs, where they are sent.
static USUAL: [HeaderName; 4] = [HOST, X_SDK_CONTENT_SHA256, X_SDK_DATE, X_SECURITY_TOKEN];

impl<'a> Signer<'a> {
    /// Returns a signer with the settings of [`sign`].
    pub fn new(credentials: &'a Credentials) -> Self {
        Self { credentials, signed: Cow::Borrowed(&USUAL) }
    }

    /// Signs another header as well, if the request has it. Names with an underscore are never signed, because the
    /// gateway drops them.
    #[must_use]
    pub fn sign_header(mut self, name: HeaderName) -> Self {
        let position = self.signed.binary_search_by(|signed| signed.as_str().cmp(name.as_str()));
        match position {
            Err(at) if !name.as_str().contains('_') && name != AUTHORIZATION => self.signed.to_mut().insert(at, name),
            _ => {}
        }
        self
    }

    /// Leaves `Host` unsigned, as one of the official SDKs does.
    #[must_use]
    pub fn without_host(mut self) -> Self {
        self.signed.to_mut().retain(|name| *name != HOST);
        self
    }

    /// Signs the head of a request.
    ///
    /// # Errors
    ///
    /// As [`sign`].
    pub fn sign(&self, parts: &mut Parts, payload: Payload<'_>, time: Timestamp) -> Result<(), SignError> {
        let date = time.basic_iso();
        parts.headers.insert(X_SDK_DATE, HeaderValue::from_bytes(&date)?);
        if let Entry::Vacant(host) = parts.headers.entry(HOST) {
            host.insert(host_of(&parts.uri)?);
        }
        if let Some(token) = self.credentials.security_token() {
            let mut token = HeaderValue::from_str(token)?;
            token.set_sensitive(true);
            parts.headers.insert(X_SECURITY_TOKEN, token);
        }
        if payload == Payload::Unsigned {
            parts.headers.insert(X_SDK_CONTENT_SHA256, HeaderValue::from_static(UNSIGNED_PAYLOAD));
        }
        let present = |name| Some((HeaderName::as_str(name), header(parts, name)?));
        let signed: Vec<_> = self.signed.iter().filter_map(present).collect();
        let canonical = CanonicalRequest::of(parts, &signed, payload).ok_or(SignError::Header)?;
        let signature = mac(self.credentials, &date, &canonical).finalize().into_bytes().into();
        let mut hex = const_hex::Buffer::<32>::new();
        let authorization = Authorization {
            access: self.credentials.access_key_id(),
            signed_headers: canonical.signed_headers(),
            signature: hex.format(&signature),
        };
        let mut authorization = HeaderValue::try_from(authorization.to_text())?;
        authorization.set_sensitive(true);
        parts.headers.insert(AUTHORIZATION, authorization);
        Ok(())
    }
}

/// Verifies a signed request, as the gateway does. `body` is what was received.
///
/// # Errors
///
/// The first check that failed.
pub fn verify(parts: &Parts, body: &[u8], credentials: &Credentials, now: Timestamp) -> Result<(), VerifyError> {
    const MALFORMED: VerifyError = VerifyError::Malformed("Authorization");
    let header = parts.headers.get(AUTHORIZATION).ok_or(VerifyError::Unsigned("Authorization"))?;
    let authorization = Authorization::parse(header.to_str().map_err(|_| MALFORMED)?).ok_or(MALFORMED)?;
    let date = parts.headers.get(X_SDK_DATE).and_then(|date| date.to_str().ok());
    let date = date.ok_or(VerifyError::Missing("X-Sdk-Date"))?;
    let time = Timestamp::parse_basic_iso(date).map_err(|_| VerifyError::Malformed("X-Sdk-Date"))?;
    TOLERANCE.check(time, now)?;
    let names: Vec<String> = authorization.signed_headers.split(';').map(str::to_owned).collect();
    // The names are part of what is signed, and count in small letters.
    if authorization.signed_headers.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(VerifyError::Malformed("SignedHeaders"));
    }
    if !names.iter().any(|name| *name == X_SDK_DATE.as_str()) {
        return Err(VerifyError::Unsigned("X-Sdk-Date"));
    }
    if authorization.access != credentials.access_key_id() {
        return Err(VerifyError::Mismatch);
    }
    let canonical = CanonicalRequest::new(parts, &names, Payload::Bytes(body)).ok_or(MALFORMED)?;
    let signature = const_hex::decode_to_array::<_, 32>(authorization.signature).map_err(|_| MALFORMED)?;
    mac(credentials, &time.basic_iso(), &canonical).verify_slice(&signature).map_err(|_| VerifyError::Mismatch)
}

/// The parts of an `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authorization<'a> {
    /// The access key id.
    pub access: &'a str,
    /// The lower-case names of the signed headers, joined with `;`.
    pub signed_headers: &'a str,
    /// The signature in hex.
    pub signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads a header's value; `None` where it has not the form of this scheme.
    pub fn parse(value: &'a str) -> Option<Self> {
        let mut fields = value.strip_prefix(ALGORITHM)?.trim().split(',').map(str::trim);
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let (access, signed_headers, signature) = (field("Access")?, field("SignedHeaders")?, field("Signature")?);
        Some(Self { access, signed_headers, signature })
    }

    fn to_text(self) -> String {
        let Self { access, signed_headers, signature } = self;
        [ALGORITHM, " Access=", access, ", SignedHeaders=", signed_headers, ", Signature=", signature].concat()
    }
}

/// Host and port of an address, the port left out where it is the usual one.
fn host_of(uri: &Uri) -> Result<HeaderValue, SignError> {
    let authority = uri.authority().ok_or(SignError::NoHost)?.as_str();
    let host = memrchr(b'@', authority.as_bytes()).map_or(authority, |at| &authority[at + 1..]);
    Ok(HeaderValue::from_str(host.strip_suffix(":443").unwrap_or(host))?)
}

/// A header's first value. The headers are few: comparing with all is quicker than hashing the name.
#[inline]
fn header<'a>(parts: &'a Parts, name: &HeaderName) -> Option<&'a HeaderValue> {
    parts.headers.iter().find(|(present, _)| *present == name).map(|(_, value)| value)
}

/// The HMAC over algorithm, date, and hash of the canonical request, a line each.
fn mac(credentials: &Credentials, date: &[u8; 16], canonical: &CanonicalRequest) -> HmacSha256 {
    let mut lines = *b"SDK-HMAC-SHA256\nyyyyMMddTHHmmssZ\n";
    lines[ALGORITHM.len() + 1..][..16].copy_from_slice(date);
    let digest = Sha256::digest(canonical.as_str()).into();
    credentials.hmac().chain_update(lines).chain_update(const_hex::Buffer::<32>::new().format(&digest))
}

/// An error of signing a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Neither the address nor a header names the host.
    #[error("the request names no host")]
    NoHost,
    /// A header to be signed is no text.
    #[error("a header to be signed is no text")]
    Header,
}

impl From<InvalidHeaderValue> for SignError {
    fn from(_: InvalidHeaderValue) -> Self {
        Self::Header
    }
}
