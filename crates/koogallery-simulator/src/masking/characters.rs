//! Masks character by character, so that length and form stay.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Replaces letters and digits; every character by one of equal byte length.
pub(super) fn masked_text(text: &str) -> String {
    text.chars().map(masked).collect()
}

fn masked(character: char) -> char {
    match (character, character.len_utf8()) {
        ('0'..='9', _) => '0',
        ('a'..='z', _) => 'x',
        ('A'..='Z', _) => 'X',
        (other, 1) => other,
        (_, 2) => 'ø',
        (_, 3) => '某',
        _ => '\u{20bb7}',
    }
}

/// Replaces the digits of a number, which stays a valid number.
pub(super) fn masked_number(literal: &str) -> String {
    let mut is_first = true;
    let digit = |character: char| match character {
        '0'..='9' if std::mem::take(&mut is_first) => '1',
        '0'..='9' => '0',
        other => other,
    };
    if literal.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        literal.chars().map(digit).collect()
    } else {
        literal.to_owned()
    }
}

/// A decoded text, and how each of its characters was written.
pub(super) struct Written<'a> {
    whole: &'a str,
    text: Cow<'a, str>,
    /// The characters as written; `None` if each is written as itself.
    raw: Vec<&'a str>,
    escape: fn(&str, char, &mut String),
}

impl<'a> Written<'a> {
    /// Decodes the content of a JSON string, complete or cut off.
    pub(super) fn in_json(inner: &'a str) -> Self {
        let mut written = Self { whole: inner, text: Cow::Borrowed(inner), raw: Vec::new(), escape: json_escape };
        if inner.contains('\\') {
            written.decode(|rest, first| match first {
                '\\' => Some(escaped(rest)),
                first => Some((first, first.len_utf8())),
            });
        }
        written
    }

    /// Decodes the raw value of a query; `None` if it is not UTF-8.
    pub(super) fn in_query(value: &'a str) -> Option<Self> {
        let mut written = Self { whole: value, text: Cow::Borrowed(value), raw: Vec::new(), escape: query_escape };
        if value.contains(['%', '+']) {
            written.decode(|rest, first| match first {
                '+' => Some((' ', 1)),
                '%' => percent_decoded(rest),
                first => Some((first, first.len_utf8())),
            })?;
        }
        Some(written)
    }

    /// `unit` returns the first character of a text and its written length.
    fn decode(&mut self, unit: impl Fn(&str, char) -> Option<(char, usize)>) -> Option<()> {
        let mut text = String::with_capacity(self.whole.len());
        let mut rest = self.whole;
        while let Some(first) = rest.chars().next() {
            let (character, length) = unit(rest, first)?;
            let (raw, after) = rest.split_at(length);
            text.push(character);
            self.raw.push(raw);
            rest = after;
        }
        self.text = Cow::Owned(text);
        Some(())
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Writes as many other characters in the same way.
    pub(super) fn replaced(&self, characters: &str) -> String {
        if characters == self.text {
            return self.whole.to_owned();
        }
        let mut out = String::with_capacity(self.whole.len());
        let mut raw = self.raw.iter();
        for (old, new) in self.text.chars().zip(characters.chars()) {
            match (raw.next(), old == new) {
                (Some(raw), true) => out.push_str(raw),
                (None, true) => out.push(old),
                (Some(raw), false) => (self.escape)(raw, new, &mut out),
                (None, false) => (self.escape)("", new, &mut out),
            }
        }
        out
    }
}

/// Returns the character of the escape at the beginning of a text, and its length. Anything that is not an escape
/// represents itself.
fn escaped(text: &str) -> (char, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    if let Some(first) = unit(0) {
        let pair = [first, unit(6).unwrap_or_default()];
        return match char::decode_utf16(pair).next() {
            Some(Ok(character)) if character.len_utf16() == 2 => (character, 12),
            Some(Ok(character)) => (character, 6),
            _ => (char::REPLACEMENT_CHARACTER, 6),
        };
    }
    match text.as_bytes().get(1) {
        Some(b'n') => ('\n', 2),
        Some(b't') => ('\t', 2),
        Some(b'r') => ('\r', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(&other @ (b'"' | b'\\' | b'/')) => (other.into(), 2),
        _ => ('\\', 1),
    }
}

fn json_escape(raw: &str, new: char, out: &mut String) {
    if raw.starts_with("\\u") {
        out.extend(new.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        return;
    }
    if matches!(new, '"' | '\\') {
        out.push('\\');
    }
    out.push(new);
}

/// Returns the character of the percent sequences at the beginning of a text, and their length. A percent sign without
/// a sequence represents itself.
fn percent_decoded(text: &str) -> Option<(char, usize)> {
    let byte = |at: usize| {
        let digits = text.get(at..at + 3)?.strip_prefix('%')?;
        u8::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let length = match byte(0) {
        None => return Some(('%', 1)),
        Some(0..0x80) => 1,
        Some(0xc0..0xe0) => 2,
        Some(0xe0..0xf0) => 3,
        Some(0xf0..) => 4,
        Some(_) => return None,
    };
    let raw = text.get(..3 * length).filter(|_| (0..length).all(|index| byte(3 * index).is_some()))?;
    let decoded = percent_decode_str(raw).decode_utf8().ok()?;
    Some((decoded.chars().next()?, raw.len()))
}

fn query_escape(raw: &str, new: char, out: &mut String) {
    if !raw.starts_with('%') && (new.is_ascii_alphanumeric() || !new.is_ascii()) {
        out.push(new);
        return;
    }
    out.extend(new.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")));
}
