//! Query strings, decoded exactly once, and written as RFC 3986 has them.
//!
//! A query that was signed has to be read as it was received: these work on the raw text, and pass over nothing.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The meaning of a raw `+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a pair")]
pub enum Plus {
    /// A space, as in forms.
    Space,
    /// Itself: only percent sequences are decoded.
    Literal,
}

/// One `name=value` of a query as it stands there.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RawPair<'a> {
    /// The name, not decoded.
    pub name: &'a str,
    /// The value, not decoded.
    pub value: &'a str,
    encoded: bool,
}

/// Returns the pairs of a query; empty segments are passed over, a segment without `=` has an empty value.
///
/// ```
/// use koogallery::query::{Plus, raw_pairs};
///
/// let pairs: Vec<_> = raw_pairs("a=1%2B1&&b=x+y").map(|pair| pair.decoded_value(Plus::Space)).collect();
/// assert_eq!(pairs, [Some("1+1".into()), Some("x y".into())]);
/// ```
#[inline]
pub fn raw_pairs(query: &str) -> impl Iterator<Item = RawPair<'_>> {
    let mut rest = query;
    // Length of `rest` from the first mark on. Few segments hold one, so it is not looked for in each.
    let mut from_mark = from_mark(query);
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (segment, after) = cut(rest, memchr(b'&', rest.as_bytes()));
            let encoded = from_mark > after.len();
            rest = after;
            if encoded {
                from_mark = self::from_mark(rest);
            }
            if !segment.is_empty() {
                // Names are short: looking at each byte is quicker than `memchr`.
                let (name, value) = cut(segment, segment.bytes().position(|byte| byte == b'='));
                return Some(RawPair { name, value, encoded });
            }
        }
        None
    })
}

/// Returns the length of the rest of a text that begins with its first encoded character, 0 without one.
fn from_mark(text: &str) -> usize {
    position_of_mark(text.as_bytes()).map_or(0, |at| text.len() - at)
}

/// Returns the text before and after a mark.
#[inline]
fn cut(text: &str, mark: Option<usize>) -> (&str, &str) {
    match mark {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

impl<'a> RawPair<'a> {
    /// Returns the name, decoded once. `None` where the bytes are not UTF-8.
    #[inline]
    pub fn decoded_name(&self, plus: Plus) -> Option<Cow<'a, str>> {
        if self.encoded { decode(self.name, plus) } else { Some(Cow::Borrowed(self.name)) }
    }

    /// Returns the value, decoded once. `None` where the bytes are not UTF-8.
    #[inline]
    pub fn decoded_value(&self, plus: Plus) -> Option<Cow<'a, str>> {
        if self.encoded { decode(self.value, plus) } else { Some(Cow::Borrowed(self.value)) }
    }
}

fn position_of_mark(text: &[u8]) -> Option<usize> {
    match text {
        // Most stand one behind another.
        [b'%' | b'+', ..] => Some(0),
        _ => memchr2(b'%', b'+', text),
    }
}

/// Decodes a name or value once. `None` where the bytes are not UTF-8.
///
/// ```
/// use koogallery::query::{Plus, decode, plus_restored, push_pair};
///
/// assert_eq!(decode("%E4%BA%91+a", Plus::Space).as_deref(), Some("云 a"));
/// assert_eq!(decode("%FF", Plus::Space), None);
/// assert_eq!(plus_restored("a b="), "a+b=");
/// let mut query = String::new();
/// push_pair(&mut query, "memo", "a+b");
/// push_pair(&mut query, "id", "1");
/// assert_eq!(query, "memo=a%2Bb&id=1");
/// ```
pub fn decode(raw: &str, plus: Plus) -> Option<Cow<'_, str>> {
    let mut mark = position_of_mark(raw.as_bytes());
    if mark.is_none() {
        return Some(Cow::Borrowed(raw));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some(at) = mark {
        let (plain, marked) = rest.split_at(at);
        let (byte, length) = match (marked, plus) {
            ([b'+', ..], Plus::Space) => (b' ', 1),
            (marked, _) => escaped(marked).map_or((marked[0], 1), |byte| (byte, 3)),
        };
        bytes.extend_from_slice(plain);
        bytes.push(byte);
        rest = &marked[length..];
        mark = position_of_mark(rest);
    }
    bytes.extend_from_slice(rest);
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// Returns the byte of a percent sequence; an incomplete one stands for itself.
fn escaped(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| text.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    if text[0] != b'%' {
        return None;
    }
    u8::try_from(16 * digit(1)? + digit(2)?).ok()
}

/// Restores the `+` of a Base64 text: it has no space, so one that stands there was a `+` that was not escaped.
pub fn plus_restored(base64: &str) -> Cow<'_, str> {
    if memchr(b' ', base64.as_bytes()).is_some() { Cow::Owned(base64.replace(' ', "+")) } else { Cow::Borrowed(base64) }
}

/// All but the unreserved characters of RFC 3986.
pub(crate) const NON_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Appends `name=value`, percent-encoded, with `&` before all but the first pair.
pub fn push_pair(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.extend(utf8_percent_encode(name, NON_UNRESERVED));
    query.push('=');
    query.extend(utf8_percent_encode(value, NON_UNRESERVED));
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decodes_as_the_crate_does_that_encodes(raw in "(%[0-9a-fA-F]{2}|[%+=&0-9a-gA-Gä]){0,12}") {
            let spaces = raw.replace('+', " ");
            for (plus, text) in [(Plus::Space, &spaces), (Plus::Literal, &raw)] {
                let expected = percent_decode_str(text).decode_utf8().ok();
                prop_assert_eq!(decode(&raw, plus), expected);
            }
        }
    }
}
