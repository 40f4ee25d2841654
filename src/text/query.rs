//! Query strings, decoded exactly once.

use std::borrow::Cow;

use memchr::{memchr, memchr2_iter};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What a raw `+` stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// A space, as in forms.
    Space,
    /// Itself: only percent sequences are decoded.
    Literal,
}

/// One `name=value` of a query as it stands there.
pub(crate) struct RawPair<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    encoded: bool,
}

/// The pairs of a query; empty segments are passed over, a segment without `=` has an empty value.
pub(crate) fn raw_pairs(query: &str) -> impl Iterator<Item = RawPair<'_>> {
    // Found for the whole query at once: most pairs hold nothing to decode, and searching each would cost the most.
    let mut encoded = memchr2_iter(b'%', b'+', query.as_bytes()).peekable();
    let mut rest = query;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let start = query.len() - rest.len();
            let (segment, after) = cut(rest, memchr(b'&', rest.as_bytes()));
            rest = after;
            if !segment.is_empty() {
                while encoded.next_if(|&at| at < start).is_some() {}
                let encoded = encoded.peek().is_some_and(|&at| at < start + segment.len());
                let (name, value) = cut(segment, segment.bytes().position(|byte| byte == b'='));
                return Some(RawPair { name, value, encoded });
            }
        }
        None
    })
}

/// What stands before and after a mark of one byte.
fn cut(text: &str, mark: Option<usize>) -> (&str, &str) {
    mark.map_or((text, ""), |at| (&text[..at], &text[at + 1..]))
}

impl<'a> RawPair<'a> {
    /// Decodes name and value once. `None` where the bytes are not UTF-8.
    pub(crate) fn decode(&self, plus: Plus) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
        if self.encoded {
            Some((decode(self.name, plus)?, decode(self.value, plus)?))
        } else {
            Some((Cow::Borrowed(self.name), Cow::Borrowed(self.value)))
        }
    }
}

fn decode(raw: &str, plus: Plus) -> Option<Cow<'_, str>> {
    if plus == Plus::Space && raw.contains('+') {
        let spaced = raw.replace('+', " ");
        return percent_decode_str(&spaced).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()));
    }
    percent_decode_str(raw).decode_utf8().ok()
}

/// Base64 with its `+`: it has no space, so one that stands there was a `+` that somebody failed to escape.
pub(crate) fn plus_restored(base64: &str) -> Cow<'_, str> {
    if base64.contains(' ') { Cow::Owned(base64.replace(' ', "+")) } else { Cow::Borrowed(base64) }
}

/// What RFC 3986 leaves as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Appends `name=value`, percent-encoded, with `&` before all but the first pair.
pub(crate) fn push_pair(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.extend(utf8_percent_encode(name, RESERVED));
    query.push('=');
    query.extend(utf8_percent_encode(value, RESERVED));
}
