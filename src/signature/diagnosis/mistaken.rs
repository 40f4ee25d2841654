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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::AccessKey;
    use crate::signature::Window;
    use crate::signature::diagnosis::{Diagnosis, auth_token, auth_token_body, callback_v2, kit_v2};
    use crate::timestamp::Timestamp;

    const BODY: &str = r#"{"activity":"newInstance","businessId":"b-1","orderId":"o-1","name":"测试 a+b/c","flag":1}"#;
    const MILLIS: u64 = 1_735_689_600_123;

    fn keys() -> AccessKeys {
        let keys =
            [(InterfaceType::Basic, "0a1b2c3d-4e5f"), (InterfaceType::V1, "v1-Key"), (InterfaceType::Kit, "kit-Key")];
        let key = |text: &str| AccessKey::new(text).unwrap();
        keys.into_iter().fold(AccessKeys::new(), |keys, (interface, text)| keys.with(interface, key(text)).unwrap())
    }

    fn diagnosed(scheme: SignatureScheme, interface: InterfaceType, signature: &str) -> Diagnosis {
        let (keys, now, window) = (keys(), Timestamp::from_unix_millis(MILLIS.try_into().unwrap()), Window::default());
        let request = request(scheme, signature);
        let (query, body) = (request.uri().query().unwrap_or_default(), request.body().as_bytes());
        match scheme {
            SignatureScheme::CallbackV2 => callback_v2(&keys, interface, query, body, now, window),
            SignatureScheme::KitV2 => kit_v2(&keys, request.headers(), body, now, window),
            SignatureScheme::AuthToken => auth_token(&keys, interface, query, now, window),
            SignatureScheme::AuthTokenBody => auth_token_body(&keys, interface, request.headers(), body, now, window),
        }
    }

    fn request(scheme: SignatureScheme, signature: &str) -> Request<String> {
        let encoded = percent_encoding::utf8_percent_encode(signature, percent_encoding::NON_ALPHANUMERIC);
        match scheme {
            SignatureScheme::CallbackV2 => {
                Request::post(format!("/?signature={encoded}&timestamp={MILLIS}&nonce=n-1%2B")).body(BODY.to_owned())
            }
            SignatureScheme::KitV2 => Request::post("/")
                .header("x-sign", signature)
                .header("x-timestamp", MILLIS.to_string())
                .header("x-nonce", "n-1")
                .body(BODY.to_owned()),
            SignatureScheme::AuthToken => Request::get(format!(
                "/?activity=newInstance&orderId=o-1&customerName=a%20b%2Bc&empty=&timeStamp=20250101000000123&authToken={encoded}"
            ))
            .body(String::new()),
            SignatureScheme::AuthTokenBody => Request::post("/")
                .header("authToken", signature)
                .body(BODY.replacen('{', r#"{"timeStamp":"20250101080000123","#, 1)),
        }
        .unwrap()
    }

    /// What is made with a mistake is explained by that mistake.
    #[test]
    fn each_is_explained() {
        let schemes = [
            (SignatureScheme::CallbackV2, InterfaceType::Basic),
            (SignatureScheme::KitV2, InterfaceType::Kit),
            (SignatureScheme::AuthToken, InterfaceType::V1),
            (SignatureScheme::AuthTokenBody, InterfaceType::V1),
        ];
        for (scheme, interface) in schemes {
            let made = mistaken_signatures(scheme, &keys(), interface, &request(scheme, "none"));
            assert!(made.len() > 20, "{scheme:?}: {}", made.len());
            let explained = |made: &MistakenSignature| match diagnosed(scheme, interface, &made.signature) {
                Diagnosis::Explained(mistakes) => mistakes == [made.mistake.clone()],
                _ => false,
            };
            let wrong: Vec<_> = made.iter().filter(|made| !explained(made)).collect();
            assert!(wrong.is_empty(), "{scheme:?}: {wrong:?}");
        }
    }

    #[test]
    fn without_a_key_there_are_none() {
        let scheme = SignatureScheme::CallbackV2;
        let made = mistaken_signatures(scheme, &keys(), InterfaceType::General, &request(scheme, "none"));
        assert_eq!(made, []);
    }
}
