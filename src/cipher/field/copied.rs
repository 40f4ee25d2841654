//! An encrypted field as people copy it: out of an address, a log, a JSON text or a mail.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::{Ciphertext, IV_LENGTH, MAX_CIPHERTEXT};

/// AES works on blocks of so many bytes.
const BLOCK: usize = 16;

/// Names in front, marks behind and quotes around may stand in one another.
const MAX_LAYERS: usize = 8;

/// An encrypted field, and the forms that were taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// The field as it stood on the wire.
    pub ciphertext: Ciphertext,
    /// Forms taken off, in this order.
    pub forms: Vec<CopiedForm>,
}

/// A way in which a copied field differs from the field on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CopiedForm {
    /// White space around it.
    #[error("white space stood around it")]
    Blanks,
    /// The field's name in front, as in a query or a JSON text.
    #[error("the field's name stood in front")]
    Named,
    /// Quotes around it.
    #[error("it stood in quotes")]
    Quoted,
    /// A comma, semicolon or another mark behind it.
    #[error("a mark stood behind it")]
    MarkBehind,
    /// Percent sequences, as in an address.
    #[error("it was percent-encoded, as in an address")]
    PercentEncoded,
    /// Backslashes, as in a JSON text.
    #[error("it was escaped with backslashes, as in JSON")]
    Escaped,
    /// Line breaks or blanks in it.
    #[error("it was wrapped over lines")]
    Wrapped,
    /// Spaces where plus signs stood.
    #[error("its plus signs had become spaces, as in an address")]
    PlusAsSpace,
    /// The alphabet with `-` and `_`.
    #[error("it was in the Base64 alphabet for addresses")]
    UrlSafe,
    /// No `=` at the end, or too many.
    #[error("its Base64 had another padding")]
    Padding,
}

/// A text is not an encrypted field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotCiphertext {
    /// Shorter than an IV and a block of ciphertext.
    #[error("the text is no encrypted field: it has {0} characters, and one has 40 or more (16 of IV, then Base64)")]
    TooShort(usize),
    /// Longer than any field.
    #[error("the text is no encrypted field: it has {0} characters, and none has more than {MAX_CIPHERTEXT}")]
    TooLong(usize),
    /// Characters that Base64 has not.
    #[error("the text is no encrypted field: what stands behind its first 16 characters is no Base64")]
    NotBase64,
    /// A part is missing.
    #[error("a part of the field is missing: its Base64 holds {0} bytes, and a multiple of 16 is encrypted")]
    Incomplete(usize),
}

impl Ciphertext {
    /// Reads a field in the form in which it was copied.
    ///
    /// ```
    /// use koogallery::cipher::field::{Ciphertext, CopiedForm};
    ///
    /// let copied = Ciphertext::from_copied("mobilePhone=A1b2C3d4E5f6G7h8TabPgWsy6UOqs019s2yvCg%3D%3D&")?;
    /// assert_eq!(copied.ciphertext.as_str(), "A1b2C3d4E5f6G7h8TabPgWsy6UOqs019s2yvCg==");
    /// assert_eq!(copied.forms, [CopiedForm::MarkBehind, CopiedForm::Named, CopiedForm::PercentEncoded]);
    /// # Ok::<(), koogallery::cipher::field::NotCiphertext>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The text is no field in any of these forms.
    pub fn from_copied(text: &str) -> Result<Copied, NotCiphertext> {
        // An IV may hold any printable character, so a field that is whole stays as it is.
        if check(text).is_ok() {
            return Ok(Copied { ciphertext: text.into(), forms: Vec::new() });
        }
        let mut forms = Vec::new();
        let bare = bare(text, &mut forms);
        // An IV has no blanks, and a sentence has.
        if bare.chars().take(IV_LENGTH).any(|character| character == ' ') && !bare.contains('\n') {
            return Err(NotCiphertext::NotBase64);
        }
        let found =
            [bare.replace([' ', '\n', '\r', '\t'], ""), bare.trim().replace(' ', "+").replace(['\n', '\r', '\t'], "")];
        let [unwrapped, plus_restored] = found.map(|text| in_base64(&text));
        let (is_plus, (text, more)) = match check(&unwrapped.0) {
            Err(_) if check(&plus_restored.0).is_ok() => (true, plus_restored),
            _ => (false, unwrapped),
        };
        check(&text)?;
        if is_plus {
            forms.push(CopiedForm::PlusAsSpace);
        }
        if bare.contains(['\n', '\r', '\t']) || (!is_plus && bare.contains(' ')) {
            forms.push(CopiedForm::Wrapped);
        }
        forms.extend(more);
        Ok(Copied { ciphertext: text.into(), forms })
    }
}

/// Checks that the text is 16 characters and the Base64 of whole blocks.
fn check(text: &str) -> Result<(), NotCiphertext> {
    if text.len() > MAX_CIPHERTEXT {
        return Err(NotCiphertext::TooLong(text.chars().count()));
    }
    if !text.is_ascii() {
        return Err(NotCiphertext::NotBase64);
    }
    let base64 = text.get(IV_LENGTH..).filter(|base64| !base64.is_empty());
    let base64 = base64.ok_or(NotCiphertext::TooShort(text.len()))?;
    let digits = base64.trim_end_matches('=');
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')) {
        return Err(NotCiphertext::NotBase64);
    }
    match STANDARD.decode(base64) {
        Ok(blocks) if !blocks.is_empty() && blocks.len().is_multiple_of(BLOCK) => Ok(()),
        _ => Err(NotCiphertext::Incomplete(digits.len() * 3 / 4)),
    }
}

/// Takes off what stands around the field, and the encoding of where it stood, layer by layer.
fn bare(text: &str, forms: &mut Vec<CopiedForm>) -> String {
    let mut text = text.to_owned();
    for _ in 0..MAX_LAYERS {
        let (form, inner) = match layer(&text) {
            Some((form, inner)) => (form, inner.into_owned()),
            None => break,
        };
        if !forms.contains(&form) {
            forms.push(form);
        }
        text = inner;
    }
    text
}

/// The outermost form, and what is left without it.
fn layer(text: &str) -> Option<(CopiedForm, Cow<'_, str>)> {
    const QUOTES: [(&str, &str); 10] = [
        ("\"", "\""),
        ("'", "'"),
        ("`", "`"),
        ("\u{201c}", "\u{201d}"),
        ("\u{201e}", "\u{201c}"),
        ("\u{2018}", "\u{2019}"),
        ("\u{ab}", "\u{bb}"),
        ("\u{300c}", "\u{300d}"),
        ("\\\"", "\\\""),
        ("<", ">"),
    ];
    let trimmed =
        text.trim_matches(|character: char| character.is_whitespace() || "\u{feff}\u{200b}".contains(character));
    if trimmed != text {
        return Some((CopiedForm::Blanks, Cow::Borrowed(trimmed)));
    }
    let quoted = QUOTES.iter().find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close));
    if let Some(inner) = quoted {
        return Some((CopiedForm::Quoted, Cow::Borrowed(inner)));
    }
    if let Some(inner) = text.strip_suffix([',', ';', '&', '.', '}', ']', ')', '\u{ff0c}', '\u{ff1b}', '\u{3002}']) {
        return Some((CopiedForm::MarkBehind, Cow::Borrowed(inner)));
    }
    if let Some(value) = named(text) {
        return Some((CopiedForm::Named, Cow::Borrowed(value)));
    }
    // A quote that has lost its other half.
    let half = QUOTES.iter().find_map(|(open, close)| text.strip_prefix(open).or_else(|| text.strip_suffix(close)));
    if let Some(inner) = half {
        return Some((CopiedForm::Quoted, Cow::Borrowed(inner)));
    }
    if let Some(inner) = unescaped(text) {
        return Some((CopiedForm::Escaped, Cow::Owned(inner)));
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if decoded != text => Some((CopiedForm::PercentEncoded, decoded)),
        _ => None,
    }
}

/// The value behind a name and `=` or `:`.
fn named(text: &str) -> Option<&str> {
    let start = text.trim_start_matches(['{', '?', '&', ' ', '"', '\'', '\\']);
    let name =
        start.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_' || character == '-'))?;
    let behind = start.get(name..)?.trim_start_matches(['"', '\'', '\\', ' ']);
    let value = behind.strip_prefix(['=', ':', '\u{ff1a}'])?;
    // Base64 ends in `=`; a name is shorter than a field, and something follows it.
    (name > 0 && value.trim_matches('=').len() > IV_LENGTH).then(|| value.trim_start())
}

/// Without the backslashes of JSON. `None` where there are none.
fn unescaped(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return None;
    }
    let quoted = ["\"", &text.replace('"', "\\\""), "\""].concat();
    serde_json::from_str::<String>(&quoted).ok()
}

/// The Base64 part in the standard alphabet and with its padding.
fn in_base64(text: &str) -> (String, Vec<CopiedForm>) {
    let Some((iv, base64)) = text.split_at_checked(IV_LENGTH) else { return (text.to_owned(), Vec::new()) };
    let standard = base64.replace('-', "+").replace('_', "/");
    let mut forms = Vec::new();
    if standard != base64 {
        forms.push(CopiedForm::UrlSafe);
    }
    let digits = standard.trim_end_matches('=');
    let padded = [digits, &"=".repeat(digits.len().next_multiple_of(4) - digits.len())].concat();
    if padded != standard {
        forms.push(CopiedForm::Padding);
    }
    ([iv, &padded].concat(), forms)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With each of `+`, `/` and `=`.
    const FIELD: &str = "A1b2C3d4E5f6G7h8Ta+PgWsy6U/qs019s2yvCg==";

    #[test]
    fn every_form_is_read_and_named() {
        use CopiedForm::*;
        let encoded = "A1b2C3d4E5f6G7h8Ta%2BPgWsy6U%2Fqs019s2yvCg%3D%3D";
        for (text, forms) in [
            (FIELD.to_owned(), vec![]),
            (format!(" {FIELD}\r\n"), vec![Blanks]),
            (format!("\u{feff}{FIELD}\u{a0}"), vec![Blanks]),
            (encoded.to_owned(), vec![PercentEncoded]),
            (
                encoded.to_lowercase().replace(
                    "a1b2c3d4e5f6g7h8ta%2bpgwsy6u%2fqs019s2yvcg",
                    "A1b2C3d4E5f6G7h8Ta%2bPgWsy6U%2fqs019s2yvCg",
                ),
                vec![PercentEncoded],
            ),
            (encoded.replace('%', "%25"), vec![PercentEncoded]),
            (encoded.replace("%2B", "+"), vec![PercentEncoded]),
            (FIELD.replace('+', " "), vec![PlusAsSpace]),
            (encoded.replace("%2B", " "), vec![PercentEncoded, PlusAsSpace]),
            (format!("{}\n{}", &FIELD[..20], &FIELD[20..]), vec![Wrapped]),
            (format!("{}\r\n  {}\n", &FIELD[..30], &FIELD[30..]), vec![Blanks, Wrapped]),
            (format!("{} {}", &FIELD[..30], &FIELD[30..]), vec![Wrapped]),
            (format!("\"{FIELD}\""), vec![Quoted]),
            (format!("'{FIELD}'"), vec![Quoted]),
            (format!("`{FIELD}`"), vec![Quoted]),
            (format!("“{FIELD}”"), vec![Quoted]),
            (format!("‘{FIELD}’"), vec![Quoted]),
            (format!("「{FIELD}」"), vec![Quoted]),
            (format!("\"{FIELD}"), vec![Quoted]),
            (format!("{FIELD},"), vec![MarkBehind]),
            (format!("{FIELD};"), vec![MarkBehind]),
            (format!("\"{FIELD}\","), vec![MarkBehind, Quoted]),
            (FIELD.replace('+', "-").replace('/', "_"), vec![UrlSafe]),
            (FIELD.replace('+', "-").replace('/', "_").replace('=', ""), vec![UrlSafe, Padding]),
            (FIELD.replace('=', ""), vec![Padding]),
            (format!("{FIELD}="), vec![Padding]),
            (FIELD.replace('/', "\\/"), vec![Escaped]),
            (FIELD.replace('+', "\\u002B").replace('=', "\\u003d"), vec![Escaped]),
            (format!("mobilePhone={FIELD}"), vec![Named]),
            (format!("mobilePhone={encoded}"), vec![Named, PercentEncoded]),
            (format!("&mobilePhone={encoded}&"), vec![MarkBehind, Named, PercentEncoded]),
            (format!("\"mobilePhone\": \"{FIELD}\""), vec![Quoted, Named]),
            (format!("\"email\":\"{FIELD}\","), vec![MarkBehind, Quoted, Named]),
            (format!("{{\"email\":\"{FIELD}\"}}"), vec![MarkBehind, Named, Quoted]),
            (format!("email: {FIELD}"), vec![Named]),
            (format!("'email' : '{FIELD}'"), vec![Quoted, Named]),
        ] {
            let copied = Ciphertext::from_copied(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((copied.ciphertext.as_str(), copied.forms), (FIELD, forms), "{text}");
        }
    }

    #[test]
    fn what_is_no_field_says_why() {
        let refused = |text: &str| Ciphertext::from_copied(text).unwrap_err();
        assert_eq!(refused(""), NotCiphertext::TooShort(0));
        assert_eq!(refused("13800138000"), NotCiphertext::TooShort(11));
        assert_eq!(refused("not an encrypted field at all, but a sentence!"), NotCiphertext::NotBase64);
        assert_eq!(refused("this is a sentence and nothing that was ever encrypted"), NotCiphertext::NotBase64);
        assert_eq!(refused("名称名称名称名称名称名称名称名称名称"), NotCiphertext::NotBase64);
        assert_eq!(refused(&FIELD[..30]), NotCiphertext::Incomplete(10));
        assert_eq!(refused(&format!("{FIELD}{FIELD}")), NotCiphertext::NotBase64);
        assert!(matches!(refused(&"A".repeat(2000)), NotCiphertext::TooLong(_)));
    }

    proptest::proptest! {
        #[test]
        fn noise_is_read_or_refused(text in "[ -~\\r\\n“”，é]{0,80}") {
            if let Ok(copied) = Ciphertext::from_copied(&text) {
                proptest::prop_assert_eq!(Ciphertext::from_copied(copied.ciphertext.as_str()).unwrap().forms, []);
            }
        }
    }
}
