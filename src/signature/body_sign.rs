//! `Body-Sign`, the signature of V1.0 answers.
//!
//! `Body-Sign: sign_type="HMAC-SHA256", signature="<Base64 of HMAC-SHA256(key, body)>"` over exactly the bytes sent.
//! The marketplace does not recognize the name in any other letter case; see [`crate::adapter`] for what that means for
//! a server. Source: SaaS access guide V1.0, "HTTP Body签名" (2024-12-25), FAQ (2025-11-13).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;

use super::VerifyError;
use crate::key::{AccessKey, KeyRing};

/// The header's name, in the only letter case that the marketplace recognizes.
pub const HEADER: &str = "Body-Sign";

const SIGN_TYPE: &str = "HMAC-SHA256";

/// Every value has 36 characters, 44 of Base64 and a quote.
const LENGTH: usize = 81;

/// The header's value for an answer.
///
/// ```
/// use koogallery::key::AccessKey;
/// use koogallery::signature::body_sign;
///
/// let key = AccessKey::new("12345678-90ab-cdef-1234-567890abcdef")?;
/// assert_eq!(
///     body_sign::sign(&key, br#"{"resultCode":"000000","resultMsg":"success."}"#),
///     r#"sign_type="HMAC-SHA256", signature="+NNjQFLDMlw6SHyBmnusjyVJ88fm9lvKVgUh7OeqD9A=""#
/// );
/// # Ok::<(), koogallery::key::KeyError>(())
/// ```
#[doc(alias = "Body-Sign")]
#[doc(alias = "generateResponseBodySignature")]
pub fn sign(key: &AccessKey, body: &[u8]) -> String {
    let mut value = String::with_capacity(LENGTH);
    value.push_str("sign_type=\"HMAC-SHA256\", signature=\"");
    STANDARD.encode_string(key.hmac().chain_update(body).finalize().into_bytes(), &mut value);
    value.push('"');
    value
}

/// Verifies the header's value of an answer, as the marketplace does. Blanks around `=` and `,` are tolerated, since
/// the documents print them in one place; missing quotes are not.
///
/// # Errors
///
/// The value is malformed, or no key of the ring gives this signature.
pub fn verify(keys: &KeyRing, value: &str, body: &[u8]) -> Result<(), VerifyError> {
    let signature = parse(value).ok_or(VerifyError::Malformed(HEADER))?;
    let signed = |key: &AccessKey| key.hmac().chain_update(body).verify_slice(&signature).is_ok();
    if keys.iter().any(signed) { Ok(()) } else { Err(VerifyError::Mismatch) }
}

fn parse(value: &str) -> Option<Vec<u8>> {
    let (sign_type, signature) = value.split_once(',')?;
    if quoted(sign_type, "sign_type")? != SIGN_TYPE {
        return None;
    }
    STANDARD.decode(quoted(signature, "signature")?).ok()
}

fn quoted<'a>(pair: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = pair.split_once('=')?;
    let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    (found.trim() == name).then_some(value)
}
