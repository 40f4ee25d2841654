//! The header signature of the newer usage push.
//!
//! `signature = base64(HMAC-SHA256(key, "ts=" + ts + "&nonce=" + nonce + "&body=" + body))`, with the access key that
//! is bound to the basic interface. Source: open API reference, "usage push (new)" (2025-11-13).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;

use super::VerifyError;
use crate::key::{AccessKey, HmacSha256, KeyRing};

/// The value of the header `signature`. `ts` is the UNIX time in milliseconds, `body` exactly what is sent.
///
/// ```
/// use koogallery::key::AccessKey;
/// use koogallery::signature::usage_push;
///
/// let key = AccessKey::new("test-access-key")?;
/// let body = r#"{"usage_records":[{"begin_time":"20250102T010000Z","end_time":"20250102T020000Z","instance_id":"inst-0001","metering_sn":"sn-0001","record_time":"20250102T020100Z","usage_value":"12.5"}]}"#;
/// assert_eq!(
///     usage_push::sign(&key, "1735787045000", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", body.as_bytes()),
///     "8g2JHHvd84+CHfb2t9FEzT3Zse4rj3TccOrJ31iYdvc="
/// );
/// # Ok::<(), koogallery::key::KeyError>(())
/// ```
pub fn sign(key: &AccessKey, ts: &str, nonce: &str, body: &[u8]) -> String {
    STANDARD.encode(mac(key, ts, nonce, body).finalize().into_bytes())
}

/// Verifies a push, as the marketplace does.
///
/// # Errors
///
/// The signature is no Base64, or no key of the ring gives it.
pub fn verify(keys: &KeyRing, signature: &str, ts: &str, nonce: &str, body: &[u8]) -> Result<(), VerifyError> {
    let signature = STANDARD.decode(signature).map_err(|_| VerifyError::Malformed("signature"))?;
    let signed = |key: &AccessKey| mac(key, ts, nonce, body).verify_slice(&signature).is_ok();
    if keys.iter().any(signed) { Ok(()) } else { Err(VerifyError::Mismatch) }
}

fn mac(key: &AccessKey, ts: &str, nonce: &str, body: &[u8]) -> HmacSha256 {
    // Two pieces, because hashing many small ones costs more than joining them.
    let head = ["ts=", ts, "&nonce=", nonce, "&body="].concat();
    key.hmac().chain_update(head).chain_update(body)
}
