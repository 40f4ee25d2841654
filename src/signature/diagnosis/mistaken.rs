//! Signatures with a known mistake in them, made on purpose.
//!
//! A server that verifies wrongly refuses valid calls, and accepts the ones that are signed with its own mistake: which
//! of these it accepts tells what is wrong with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;

use super::{Mistake, token, v2};
use crate::key::{AccessKeys, InterfaceType};
use crate::protocol::SignatureScheme;

/// A signature with one mistake in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MistakenSignature {
    /// The mistake.
    pub mistake: Mistake,
    /// The signature, written as the scheme requires, unless that is the mistake.
    pub signature: String,
}

/// Returns the signatures that each known mistake alone gives a request, without those that are right nevertheless. The
/// signature in the request is not looked at; nonce and timestamp are. Empty if there is no key of the interface type.
///
/// ```
/// use http::Request;
/// use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
/// use koogallery::protocol::SignatureScheme;
/// use koogallery::signature::diagnosis::{Mistake, mistaken_signatures};
///
/// let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("0a1b2c3d-4e5f")?)?;
/// let call = Request::post("/?timestamp=1735689600123&nonce=n").body("{}".as_bytes())?;
/// let made = mistaken_signatures(SignatureScheme::CallbackV2, &keys, InterfaceType::Basic, &call);
/// assert!(made.iter().any(|made| made.mistake == Mistake::PlainDigest && made.signature.len() == 64));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mistaken_signatures(
    scheme: SignatureScheme,
    keys: &AccessKeys,
    interface: InterfaceType,
    request: &Request<impl AsRef<[u8]>>,
) -> Vec<MistakenSignature> {
    let Some(ring) = keys.get(interface) else { return Vec::new() };
    let (query, body) = (request.uri().query().unwrap_or_default(), request.body().as_ref());
    let is_hex = matches!(scheme, SignatureScheme::CallbackV2 | SignatureScheme::KitV2);
    let (right, made) = match scheme {
        SignatureScheme::CallbackV2 => v2::mistaken_callback(ring, keys, interface, query, body),
        SignatureScheme::KitV2 => v2::mistaken_kit(ring, keys, request.headers(), body),
        SignatureScheme::AuthToken => token::mistaken_query(ring, keys, interface, query),
        SignatureScheme::AuthTokenBody => token::mistaken_body(ring, keys, interface, body),
    };
    let written = |bytes: &[u8]| if is_hex { const_hex::encode(bytes) } else { STANDARD.encode(bytes) };
    let other_form = right.map(|bytes| match is_hex {
        true => (Mistake::Base64ForHex, STANDARD.encode(bytes)),
        false => (Mistake::HexForBase64, const_hex::encode(bytes)),
    });
    let made = made.into_iter().map(|(mistake, bytes)| (mistake, written(&bytes)));
    made.chain(other_form).map(|(mistake, signature)| MistakenSignature { mistake, signature }).collect()
}
