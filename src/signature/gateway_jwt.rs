//! The JWT with which the agents gateway proves itself to the seller's backend: HS256 with the APP Secret.
//!
//! Header `{"alg":"HS256","sign_type":"SIGN"}`; payload `api_key` (the APP Key), `timestamp` (milliseconds) and `exp`,
//! five minutes later. The header of the request that carries it is not documented (unverified): [`HEADER`] unless the
//! seller says otherwise, with or without `Bearer`.
//!
//! The token says who calls, not what: body, path and the [added headers](crate::agents_gateway) are not signed, and
//! one token may serve several calls. So the backend must be reachable by TLS only, and never log a token.
//!
//! Written here, because a JWT library brings every algorithm, of which all but one would have to be switched off.
//! Source: API products, "agents gateway" (2024-07-12 to 2026-04-10).

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};

use super::{VerifyError, Window, single_value};
use crate::key::{AccessKey, AppSecrets, KeyRing};
use crate::text::json::{self, Member};
use crate::timestamp::Timestamp;

/// The request header that probably carries the token.
pub const HEADER: HeaderName = AUTHORIZATION;

/// Time window of a token: five minutes, and one for clocks that differ.
pub const WINDOW: Window = Window::new(LIFETIME, Duration::from_secs(60));

const LIFETIME: Duration = Duration::from_secs(300);

const ALGORITHM: &str = "HS256";

/// Characters; a genuine token has about 300.
const MAX_LENGTH: usize = 8192;

/// Verifies the token in a request's headers.
///
/// # Errors
///
/// The first check that failed. The backend should answer 401.
///
/// ```
/// use koogallery::key::{AccessKey, AppSecrets};
/// use koogallery::signature::gateway_jwt;
/// # use http::HeaderMap;
///
/// let secret = AccessKey::new("0123456789abcdef0123456789abcdef")?;
/// let now = "20250101000000".parse()?;
/// # let mut headers = HeaderMap::new();
/// # headers.insert("authorization", gateway_jwt::sign("app-key-1", &secret, now).parse()?);
/// let secrets = AppSecrets::new().with("app-key-1", secret);
/// let caller = gateway_jwt::verify(&secrets, &headers, &gateway_jwt::HEADER, now, gateway_jwt::WINDOW)?;
/// assert_eq!(caller.app_key(), "app-key-1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify(
    secrets: &AppSecrets,
    headers: &HeaderMap,
    header: &HeaderName,
    now: Timestamp,
    window: Window,
) -> Result<Verified, VerifyError> {
    let token = Token::parse(token_in(headers, header)?)?;
    let secrets = secrets.get(token.app_key()).ok_or(VerifyError::UnknownKey)?;
    token.verify(secrets, now, window)
}

/// Returns the token of a call made at `time`. For tests and simulators.
pub fn sign(app_key: &str, secret: &AccessKey, time: Timestamp) -> String {
    let claims = serde_json::json!({
        "api_key": app_key,
        "exp": time.saturating_add(LIFETIME).as_unix_millis().div_euclid(1000),
        "timestamp": time.as_unix_millis(),
    });
    let mut token = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","sign_type":"SIGN"}"#);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
    let signature = secret.hmac().chain_update(&token).finalize().into_bytes();
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

/// A token as received. Nothing is proved: all that can be read is by which APP Key to find the secret.
#[derive(Clone)]
pub struct Token<'a> {
    /// Header and payload as they stand in the token.
    signed: &'a str,
    signature: [u8; 32],
    claims: Claims,
}

impl<'a> Token<'a> {
    /// Reads the parts of a token.
    ///
    /// # Errors
    ///
    /// It has not the documented form, or names another algorithm than HS256.
    pub fn parse(token: &'a str) -> Result<Self, VerifyError> {
        const MALFORMED: VerifyError = VerifyError::Malformed("JWT");
        if token.len() > MAX_LENGTH {
            return Err(MALFORMED);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;

        // Before anything else: a token without a signature shall be called what it is.
        let header = decode(header, "JWT header")?;
        let header = Object::parse(&header, "JWT header")?;
        let algorithm = header.text("alg")?;
        if algorithm != ALGORITHM {
            return Err(VerifyError::Algorithm(algorithm.chars().take(32).collect()));
        }
        if header.get("crit").is_some() {
            // Extensions that must be understood, and are not.
            return Err(VerifyError::Malformed("crit"));
        }

        let payload = decode(payload, "JWT payload")?;
        let payload = Object::parse(&payload, "JWT payload")?;
        let claims = Claims {
            app_key: payload.text("api_key")?.into_owned(),
            time: payload.time("timestamp")?,
            expires: payload.time("exp")?,
            not_before: payload.get("nbf").map(|_| payload.time("nbf")).transpose()?,
        };
        let signature = decode(signature, "JWT signature")?;
        let signature = signature.try_into().map_err(|_| VerifyError::Malformed("JWT signature"))?;
        Ok(Self { signed, signature, claims })
    }

    /// The APP Key that the token claims (`api_key`), by which to look up its secrets.
    pub fn app_key(&self) -> &str {
        &self.claims.app_key
    }

    /// Verifies the token with the secrets of its [`app_key`](Self::app_key).
    ///
    /// # Errors
    ///
    /// No secret gives the signature; or the token has expired, or its `timestamp` is outside the window, or its `nbf`
    /// (which the gateway is not known to send) further ahead than the window allows.
    pub fn verify(self, secrets: &KeyRing, now: Timestamp, window: Window) -> Result<Verified, VerifyError> {
        let signed = |secret: &AccessKey| secret.hmac().chain_update(self.signed).verify_slice(&self.signature).is_ok();
        if !secrets.iter().any(signed) {
            return Err(VerifyError::Mismatch);
        }
        let claims = self.claims;
        if claims.expires <= now {
            return Err(VerifyError::Expired(now.abs_diff(claims.expires)));
        }
        window.check(claims.time, now)?;
        if let Some(begin) = claims.not_before.filter(|begin| *begin > now) {
            window.check(begin, now)?;
        }
        Ok(Verified(claims))
    }
}

impl std::fmt::Debug for Token<'_> {
    /// The token itself opens the backend to any reader.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("app_key", &self.claims.app_key).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Claims {
    app_key: String,
    time: Timestamp,
    expires: Timestamp,
    not_before: Option<Timestamp>,
}

/// A token that is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified(Claims);

impl Verified {
    /// The APP Key.
    pub fn app_key(&self) -> &str {
        &self.0.app_key
    }

    /// Returns the time of the token.
    pub fn time(&self) -> Timestamp {
        self.0.time
    }

    /// Until when it is valid.
    pub fn expires(&self) -> Timestamp {
        self.0.expires
    }
}

/// The token in the headers, without `Bearer`.
fn token_in<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, VerifyError> {
    const SCHEME: &str = "Bearer ";
    let value = single_value(headers, name)?.ok_or(VerifyError::Unsigned("JWT"))?;
    let value = value.to_str().map_err(|_| VerifyError::Malformed("JWT"))?;
    let token = match value.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => token,
        _ => value,
    };
    let token = token.trim();
    if token.is_empty() { Err(VerifyError::Unsigned("JWT")) } else { Ok(token) }
}

fn decode(part: &str, name: &'static str) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| VerifyError::Malformed(name))
}

struct Object<'a>(Vec<Member<'a>>);

impl<'a> Object<'a> {
    fn parse(text: &'a [u8], name: &'static str) -> Result<Self, VerifyError> {
        json::members(text).map(Self).map_err(|_| VerifyError::Malformed(name))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    fn text(&self, name: &'static str) -> Result<Cow<'_, str>, VerifyError> {
        let value = self.get(name).ok_or(VerifyError::Missing(name))?;
        json::unquote(value).filter(|text| !text.is_empty()).ok_or(VerifyError::Malformed(name))
    }

    /// A UNIX time: `timestamp` is documented in milliseconds, `exp` in seconds by the JWT standard; ten digits are
    /// seconds, thirteen milliseconds. Fractions, which the standard allows, are cut off.
    fn time(&self, name: &'static str) -> Result<Timestamp, VerifyError> {
        let value = self.get(name).ok_or(VerifyError::Missing(name))?;
        let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
        let is_plain = fraction.bytes().all(|byte| byte.is_ascii_digit());
        let time = Timestamp::parse_unix(whole).ok().filter(|_| is_plain);
        time.ok_or(VerifyError::Malformed(name))
    }
}
