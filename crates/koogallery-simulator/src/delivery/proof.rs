//! The proof of a call's origin.

use crate::call::Proof;
use koogallery::key::AccessKey;
use koogallery::protocol::SignatureScheme;
use koogallery::signature::{VerifyError, auth_token, auth_token_body, callback_v2, kit_v2};
use koogallery::timestamp::{CHINA, Timestamp};

/// Signs a call: returns names and values that prove its origin, the signature first, to be added to its query or its headers, as
/// [the scheme](SignatureScheme::is_in_query) says.
///
/// `content` is the body, and in [`SignatureScheme::AuthToken`] the query without `authToken`. `timestamp` and `nonce` are left out
/// where the scheme signs none ([`SignatureScheme::has_nonce`]): there the time is a field of the content, see [`time_stamp`].
///
/// ```
/// use koogallery::key::{AccessKey, KeyRing};
/// use koogallery::protocol::SignatureScheme;
/// use koogallery::signature::{Window, callback_v2};
/// use koogallery::timestamp::Timestamp;
/// use koogallery_simulator::delivery::sign;
///
/// let (key, now) = (AccessKey::new("test-access-key")?, Timestamp::from_unix_millis(1_735_689_600_123));
/// let body = br#"{"activity":"newInstance"}"#;
/// let proof = sign(SignatureScheme::CallbackV2, &key, "nonce-1", "1735689600123", body)?;
/// let pairs: Vec<_> = proof.iter().map(|(name, value)| format!("{name}={value}")).collect();
/// callback_v2::verify(&KeyRing::new(key), &pairs.join("&"), body, now, Window::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The content is not of the form that the scheme signs: a query with `timeStamp`, or a JSON object with it.
pub fn sign(
    scheme: SignatureScheme,
    key: &AccessKey,
    nonce: &str,
    timestamp: &str,
    content: &[u8],
) -> Result<Vec<(&'static str, String)>, VerifyError> {
    let signature = match scheme {
        SignatureScheme::CallbackV2 => callback_v2::sign(key, nonce, timestamp, content),
        SignatureScheme::KitV2 => kit_v2::sign(key, nonce, timestamp, content),
        SignatureScheme::AuthToken => {
            auth_token::sign(key, str::from_utf8(content).map_err(|_| VerifyError::UndecodableQuery)?)?
        }
        SignatureScheme::AuthTokenBody => auth_token_body::sign(key, content)?,
    };
    let parts = [(Proof::Signature, &*signature), (Proof::Timestamp, timestamp), (Proof::Nonce, nonce)];
    let named = parts.into_iter().filter_map(|(part, value)| Some((part.name(scheme)?, value.to_owned())));
    Ok(named.collect())
}

/// Formats the field `timeStamp` of a V1.0 call, `yyyyMMddHHmmssSSS`: in UTC, in the Kit's bodies in UTC+8.
pub fn time_stamp(scheme: SignatureScheme, time: Timestamp) -> String {
    match scheme {
        SignatureScheme::AuthTokenBody | SignatureScheme::KitV2 => time.to_compact_millis_in(CHINA),
        SignatureScheme::AuthToken | SignatureScheme::CallbackV2 => time.to_compact_millis(),
    }
}
