//! A signature as it is written.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

use super::Mistake;
use crate::text::query::{self, Plus};

/// Of 32 bytes.
const BASE64_LENGTH: usize = 44;

/// How a scheme wants it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Hex,
    Base64,
}

/// The 32 bytes, and what is wrong with the way in which they are written. `None` where they cannot be told.
pub(super) fn read(text: &str, form: Form) -> Option<([u8; 32], Vec<Mistake>)> {
    let mut mistakes = Vec::new();
    let mut note = |mistake, happened: bool| {
        if happened {
            mistakes.push(mistake);
        }
    };
    let unquoted = text.trim_matches(['"', '\'', '“', '”']);
    // A space at the end of what has the right length was a plus sign.
    let bare = if unquoted.len() == BASE64_LENGTH { unquoted } else { unquoted.trim() };
    note(Mistake::SignatureQuoted, bare != text);
    let decoded = query::decode(bare, Plus::Literal)?;
    note(Mistake::SignatureEncoded, decoded != bare);
    let plain = query::plus_restored(&decoded);
    note(Mistake::SignaturePlusAsSpace, plain != decoded);

    if let Some(bytes) = hex(plain.as_bytes()) {
        note(Mistake::HexForBase64, form == Form::Base64);
        return Some((bytes, mistakes));
    }
    let standard = plain.replace('-', "+").replace('_', "/");
    note(Mistake::UrlSafeBase64, standard != plain || !standard.len().is_multiple_of(4));
    let decoded = LENIENT.decode(&*standard).ok()?;
    if let Ok(bytes) = decoded.as_slice().try_into() {
        note(Mistake::Base64ForHex, form == Form::Hex);
        return Some((bytes, mistakes));
    }
    note(Mistake::Base64OfHex, true);
    Some((hex(&decoded)?, mistakes))
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn hex(digits: &[u8]) -> Option<[u8; 32]> {
    super::super::hmac_from_hex(str::from_utf8(digits).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read_and_named() {
        let bytes = [0xfb; 32];
        let hex = const_hex::encode(bytes);
        let base64 = LENIENT.encode(bytes);
        let read = |text: &str, form| {
            let (found, mistakes) = read(text, form).unwrap();
            assert_eq!(found, bytes);
            mistakes
        };
        assert_eq!(read(&hex, Form::Hex), []);
        assert_eq!(read(&hex.to_uppercase(), Form::Hex), []);
        assert_eq!(read(&base64, Form::Base64), []);
        assert_eq!(read(&hex, Form::Base64), [Mistake::HexForBase64]);
        assert_eq!(read(&base64, Form::Hex), [Mistake::Base64ForHex]);
        assert_eq!(read(&LENIENT.encode(&hex), Form::Hex), [Mistake::Base64OfHex]);
        assert_eq!(read(&format!("\"{base64}\""), Form::Base64), [Mistake::SignatureQuoted]);
        assert_eq!(read(&base64.replace('+', " "), Form::Base64), [Mistake::SignaturePlusAsSpace]);
        assert_eq!(read(&base64.replace('=', ""), Form::Base64), [Mistake::UrlSafeBase64]);
        assert_eq!(read(&base64.replace('+', "-").replace('/', "_"), Form::Base64), [Mistake::UrlSafeBase64]);
        assert_eq!(read(&base64.replace('=', "%3D"), Form::Base64), [Mistake::SignatureEncoded]);
    }

    #[test]
    fn other_hashes_and_noise_are_unreadable() {
        for text in ["", "0", &"0".repeat(40), &"a".repeat(128), "%ff", "签名", &"=".repeat(44), "AAAA"] {
            assert_eq!(read(text, Form::Hex), None, "{text}");
        }
    }
}
