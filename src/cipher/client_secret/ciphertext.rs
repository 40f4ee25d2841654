//! Encoding of the ciphertext. No document states it, so its form decides once the length of the key is known.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Twice the hex form under a key of 8192 bits, so that there is room for white space.
const MAX_LENGTH: usize = 4096;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A ciphertext without white space, and in one alphabet of Base64.
pub(super) struct Ciphertext(String);

impl Ciphertext {
    /// `None` where the text is longer than any key makes it.
    pub(super) fn new(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let standard = |character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        };
        Some(Self(text.chars().filter(|character| !character.is_whitespace()).map(standard).collect()))
    }

    /// The bytes, for a modulus of so many bytes: twice as many hex digits, or Base64. For real keys no length is both.
    pub(super) fn bytes(&self, modulus_length: usize) -> Option<Vec<u8>> {
        let text = &self.0;
        let bytes = if text.len() == 2 * modulus_length {
            const_hex::decode(text).ok()
        } else if text.trim_end_matches('=').len() == (4 * modulus_length).div_ceil(3) {
            BASE64.decode(text).ok()
        } else {
            None
        };
        bytes.filter(|bytes| bytes.len() == modulus_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Under a key whose modulus has 10 bytes.
    fn bytes(text: &str) -> Option<Vec<u8>> {
        Ciphertext::new(text)?.bytes(10)
    }

    #[test]
    fn hex_and_base64_are_distinguished_by_length() {
        let expected = Some(vec![0xfb, 0xff, 0xbf, 0xca, 0xfe, 0xba, 0xbe, 0xff, 0xff, 0xfe]);
        for text in [
            "fbffbfcafebabefffffe",
            "FBFF BFCA FEBA BEFF FFFE\r\n",
            "+/+/yv66vv///g==",
            "+/+/yv66vv///g",
            "-_-_yv66vv___g",
            " +/+/\r\nyv66\tvv///\u{a0}g==\n",
        ] {
            assert_eq!(bytes(text), expected, "{text:?}");
        }
        // Hex digits only, and Base64 all the same.
        assert_eq!(bytes("cafebabecafebA==").map(|bytes| bytes[0]), Some(0x71));
    }

    #[test]
    fn what_does_not_fit_the_key_is_nothing() {
        for text in [
            "",
            " ",
            "====",
            "fbffbfcafebabefffff",
            "fbffbfcafebabefffffg",
            "0xffbfcafebabefffffe",
            "+/+/yv66vv///g===",
            "+/+/yv66vv///§==",
            "+/+/yv66vv///",
            "+/+/yv66vv///gAA",
        ] {
            assert_eq!(bytes(text), None, "{text:?}");
        }
        assert!(Ciphertext::new(&"A".repeat(4097)).is_none());
    }
}
