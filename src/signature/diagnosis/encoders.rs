//! Percent-encoding as the libraries of other languages do it.

use super::Mistake;

/// Differences of a library's encoder from RFC 3986, by which the signature is made.
pub(super) struct Encoder {
    name: &'static str,
    /// Characters that it leaves as they are, beside those that RFC 3986 leaves.
    kept: &'static str,
    tilde_encoded: bool,
    space_as_plus: bool,
    lower_case: bool,
}

const RFC_3986: Encoder = Encoder { name: "", kept: "", tilde_encoded: false, space_as_plus: false, lower_case: false };

pub(super) static ENCODERS: [Encoder; 10] = [
    Encoder { name: "JavaScript's encodeURIComponent", kept: "!'()*", ..RFC_3986 },
    Encoder { name: "JavaScript's encodeURI", kept: "!'()*;,/?:@&=+$#", ..RFC_3986 },
    Encoder {
        name: "Java's URLEncoder or JavaScript's URLSearchParams",
        kept: "*",
        tilde_encoded: true,
        space_as_plus: true,
        ..RFC_3986
    },
    Encoder { name: "PHP's urlencode", tilde_encoded: true, space_as_plus: true, ..RFC_3986 },
    Encoder { name: "a library that encodes the tilde", tilde_encoded: true, ..RFC_3986 },
    Encoder { name: "Python's quote", kept: "/", ..RFC_3986 },
    Encoder { name: "Go's url.PathEscape", kept: "$&+=:@", ..RFC_3986 },
    Encoder { name: ".NET's WebUtility.UrlEncode", kept: "!()*", tilde_encoded: true, space_as_plus: true, ..RFC_3986 },
    Encoder {
        name: ".NET's HttpUtility.UrlEncode",
        kept: "!()*",
        tilde_encoded: true,
        space_as_plus: true,
        lower_case: true,
    },
    Encoder {
        name: "a library that writes lower-case hex and + for a space",
        space_as_plus: true,
        lower_case: true,
        ..RFC_3986
    },
];

impl Encoder {
    pub(super) fn mistake(&self) -> Mistake {
        Mistake::EncodedBy(self.name)
    }

    pub(super) fn encode(&self, bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len() + 16);
        for &byte in bytes {
            match byte {
                b' ' if self.space_as_plus => out.push('+'),
                b'~' if self.tilde_encoded => out.push_str(if self.lower_case { "%7e" } else { "%7E" }),
                byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => out.push(char::from(byte)),
                byte if byte.is_ascii() && self.kept.contains(char::from(byte)) => out.push(char::from(byte)),
                byte if self.lower_case => out.push_str(&format!("%{byte:02x}")),
                byte => out.push_str(&format!("%{byte:02X}")),
            }
        }
        out
    }
}

/// The text with the hex of its percent sequences in small letters.
pub(super) fn in_lower_case_hex(encoded: &str) -> String {
    let mut digits = 0_u8;
    let lower = |character: char| {
        let is_digit = digits > 0;
        digits = if character == '%' { 2 } else { digits.saturating_sub(1) };
        if is_digit { character.to_ascii_lowercase() } else { character }
    };
    encoded.chars().map(lower).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `a ~!'()*/+%é`, by the libraries themselves.
    #[test]
    fn what_the_libraries_make() {
        let all = ENCODERS.each_ref().map(|encoder| encoder.encode("a ~!'()*/+%é".as_bytes()));
        assert_eq!(
            all,
            [
                "a%20~!'()*%2F%2B%25%C3%A9",
                "a%20~!'()*/+%25%C3%A9",
                "a+%7E%21%27%28%29*%2F%2B%25%C3%A9",
                "a+%7E%21%27%28%29%2A%2F%2B%25%C3%A9",
                "a%20%7E%21%27%28%29%2A%2F%2B%25%C3%A9",
                "a%20~%21%27%28%29%2A/%2B%25%C3%A9",
                "a%20~%21%27%28%29%2A%2F+%25%C3%A9",
                "a+%7E!%27()*%2F%2B%25%C3%A9",
                "a+%7e!%27()*%2f%2b%25%c3%a9",
                "a+~%21%27%28%29%2a%2f%2b%25%c3%a9",
            ]
        );
        assert_eq!(in_lower_case_hex("/A%2FB%E6%AC%A2Z%25AF/"), "/A%2fB%e6%ac%a2Z%25AF/");
    }
}
