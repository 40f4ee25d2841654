//! A signature as it is written.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

use super::making::Algorithm;
use super::{Diagnosis, Mistake};
use crate::query::{self, Plus};

/// Of the digests of all hash functions that are known here.
const BASE64_LENGTHS: [usize; 5] = [28, 40, 44, 64, 88];

/// Of MD5, recognized by its length alone.
const MD5_LENGTH: usize = 16;

/// Form that a scheme asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Hex,
    Base64,
}

/// A signature as bytes, and what is wrong with the way in which it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) algorithm: Algorithm,
    pub(super) mistakes: Vec<Mistake>,
}

impl Written {
    /// A signature of the right form that matches nothing.
    pub(super) fn unknown() -> Self {
        Self { bytes: Vec::new(), algorithm: Algorithm::Sha256, mistakes: Vec::new() }
    }
}

/// Reads a signature; otherwise returns why there is nothing to search for.
pub(super) fn read(text: &str, form: Form) -> Result<Written, Diagnosis> {
    if is_masked(text) {
        return Err(Diagnosis::Masked);
    }
    let mut mistakes = Vec::new();
    let bytes = bytes_of(text, form, &mut mistakes).ok_or(Diagnosis::Unreadable)?;
    if bytes.len() == MD5_LENGTH {
        mistakes.push(Mistake::OtherHash("MD5"));
        return Err(Diagnosis::Unexplained { certain: mistakes, tried: Vec::new() });
    }
    let algorithm = Algorithm::of_length(bytes.len()).ok_or(Diagnosis::Unreadable)?;
    if algorithm != Algorithm::Sha256 {
        mistakes.push(Mistake::OtherHash(algorithm.name()));
    }
    Ok(Written { bytes, algorithm, mistakes })
}

/// Returns whether something was put in the place of the signature, as `record` and other tools do.
fn is_masked(text: &str) -> bool {
    const MARKS: [&str; 6] = ["mask", "redact", "hidden", "***", "\u{2022}\u{2022}", "..."];
    let text = text.trim().to_lowercase();
    MARKS.iter().any(|mark| text.contains(mark)) || (text.len() > 3 && text.chars().all(|character| character == 'x'))
}

fn bytes_of(text: &str, form: Form, mistakes: &mut Vec<Mistake>) -> Option<Vec<u8>> {
    let mut note = |mistake, happened: bool| {
        if happened {
            mistakes.push(mistake);
        }
    };
    let unquoted = text.trim_matches(['"', '\'', '“', '”']);
    // A space at the end of what has the right length was a plus sign.
    let bare = if BASE64_LENGTHS.contains(&unquoted.len()) { unquoted } else { unquoted.trim() };
    note(Mistake::SignatureQuoted, bare != text);
    let decoded = query::decode(bare, Plus::Literal)?;
    note(Mistake::SignatureEncoded, decoded != bare);
    let plain = query::plus_restored(&decoded);
    note(Mistake::SignaturePlusAsSpace, plain != decoded);

    if let Some(bytes) = hex(plain.as_bytes()) {
        note(Mistake::HexForBase64, form == Form::Base64);
        return Some(bytes);
    }
    let standard = plain.replace('-', "+").replace('_', "/");
    note(Mistake::UrlSafeBase64, standard != plain || !standard.len().is_multiple_of(4));
    let decoded = LENIENT.decode(&*standard).ok()?;
    if let Some(bytes) = hex(&decoded) {
        note(Mistake::Base64OfHex, true);
        return Some(bytes);
    }
    note(Mistake::Base64ForHex, form == Form::Hex);
    Some(decoded).filter(|bytes| is_digest(bytes.len()))
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    // The length is checked because the decoder would also take a `0x` in front.
    let bytes = const_hex::decode(digits).ok()?;
    (is_digest(bytes.len()) && digits.len() == 2 * bytes.len()).then_some(bytes)
}

fn is_digest(length: usize) -> bool {
    length == MD5_LENGTH || Algorithm::of_length(length).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::diagnosis::making::Making;

    #[test]
    fn every_spelling_is_read_and_named() {
        let bytes = [0xfb; 32];
        let hex = const_hex::encode(bytes);
        let base64 = LENIENT.encode(bytes);
        let read = |text: &str, form| {
            let written = read(text, form).unwrap();
            assert_eq!((written.bytes.as_slice(), written.algorithm), (bytes.as_slice(), Algorithm::Sha256));
            written.mistakes
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
    fn other_hashes_are_recognized_by_their_length() {
        for algorithm in Algorithm::ALL {
            let bytes = Making::Hash.make(algorithm, b"", b"text");
            for (text, form) in [(const_hex::encode(&bytes), Form::Hex), (LENIENT.encode(&bytes), Form::Base64)] {
                let written = read(&text, form).unwrap();
                assert_eq!((written.bytes.as_slice(), written.algorithm), (bytes.as_slice(), algorithm));
                let named = [Mistake::OtherHash(algorithm.name())];
                assert_eq!(written.mistakes, if algorithm == Algorithm::Sha256 { &[] } else { &named[..] });
            }
        }
        let md5 = Diagnosis::Unexplained { certain: vec![Mistake::OtherHash("MD5")], tried: vec![] };
        assert_eq!(read(&"0".repeat(32), Form::Hex), Err(md5));
    }

    #[test]
    fn noise_is_unreadable_and_masks_are_named() {
        for text in ["", "0", &"0".repeat(42), "%ff", "签名", &"=".repeat(44), "AAAA"] {
            assert_eq!(read(text, Form::Hex), Err(Diagnosis::Unreadable), "{text}");
        }
        for text in ["[masked]", "***", "C17E****DB6D", "<redacted>", &"x".repeat(64), "••••••", "dmft..."]
        {
            assert_eq!(read(text, Form::Hex), Err(Diagnosis::Masked), "{text}");
        }
    }
}
