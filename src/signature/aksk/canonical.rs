//! The canonical form of a request.

use std::borrow::Cow;
use std::ops::Range;

use http::HeaderValue;
use http::request::Parts;
use memchr::memchr;
use percent_encoding::{percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};

use super::{ALGORITHM, Payload, X_SDK_CONTENT_SHA256, header};
use crate::query::{NON_UNRESERVED, raw_pairs};

/// SHA-256 of nothing.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The text that is hashed and signed: method, path, query, headers, their names, and the hash of the body, a line
/// each.
///
/// It holds no secret, but header values and the query do stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalRequest {
    text: String,
    signed_headers: Range<usize>,
}

impl CanonicalRequest {
    /// The canonical form for the signed headers named. `None` where a header is missing or no text.
    pub fn new(parts: &Parts, signed_headers: &[String], payload: Payload<'_>) -> Option<Self> {
        let signed = signed_headers.iter().map(|name| Some((name.as_str(), parts.headers.get(name)?)));
        Self::of(parts, &signed.collect::<Option<Vec<_>>>()?, payload)
    }

    /// The same for headers that have been looked up.
    pub(super) fn of(parts: &Parts, signed: &[(&str, &HeaderValue)], payload: Payload<'_>) -> Option<Self> {
        let mut text = String::with_capacity(512);
        text.push_str(parts.method.as_str());
        text.push('\n');
        push_path(&mut text, parts.uri.path());
        text.push('\n');
        push_query(&mut text, parts.uri.query().unwrap_or_default());
        text.push('\n');
        for (name, value) in signed {
            text.extend([name, ":", str::from_utf8(value.as_bytes()).ok()?.trim_ascii(), "\n"]);
        }
        text.push('\n');
        let begin = text.len();
        for (index, (name, _)) in signed.iter().enumerate() {
            text.extend([if index > 0 { ";" } else { "" }, name]);
        }
        let signed_headers = begin..text.len();
        text.push('\n');
        match (header(parts, &X_SDK_CONTENT_SHA256), payload) {
            (Some(instead), _) => text.push_str(instead.to_str().ok()?),
            (None, Payload::Bytes([])) => text.push_str(OF_NOTHING),
            (None, Payload::Bytes(body)) => push_hex(&mut text, &Sha256::digest(body).into()),
            (None, Payload::Sha256(digest)) => push_hex(&mut text, &digest),
            (None, Payload::Unsigned) => return None,
        }
        Some(Self { text, signed_headers })
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the lines, each with the part of the request that it is: `method`, `path`, `query`, `header`, `empty line`,
    /// `signed headers` or `payload hash`.
    pub fn lines(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let after_headers = self.text.split('\n').count() - 3;
        self.text.split('\n').enumerate().map(move |(at, line)| {
            let part = match at {
                0 => "method",
                1 => "path",
                2 => "query",
                at if at == after_headers => "empty line",
                at if at == after_headers + 1 => "signed headers",
                at if at > after_headers => "payload hash",
                _ => "header",
            };
            (part, line)
        })
    }

    /// Returns the text that is signed for this request: algorithm, date and hash of the canonical request, a line each.
    /// `date` is the value of `X-Sdk-Date`.
    pub fn string_to_sign(&self, date: &str) -> String {
        [ALGORITHM, date, &const_hex::encode(Sha256::digest(&self.text))].join("\n")
    }

    /// The names of the signed headers, joined with `;`.
    pub fn signed_headers(&self) -> &str {
        &self.text[self.signed_headers.clone()]
    }
}

fn push_hex(text: &mut String, digest: &[u8; 32]) {
    text.push_str(const_hex::Buffer::<32>::new().const_format(digest).as_str());
}

/// Every segment decoded and encoded again, and a `/` at the end, which is signed though it is not sent.
fn push_path(text: &mut String, path: &str) {
    if is_plain(path, b"//") {
        text.push_str(path);
    } else {
        for (index, segment) in path.split('/').enumerate() {
            text.extend([if index > 0 { "/" } else { "" }, &encoded(segment)]);
        }
    }
    if !path.ends_with('/') {
        text.push('/');
    }
}

/// Names and values decoded, encoded again, and sorted as they are encoded, first by name and then by value.
///
/// A `+` is a plus: the marketplace's own clients never write a space so. The signing guide and the official Java SDK
/// sort what is encoded; those for Python, Go and Node.js sort before, which is the same for names of unreserved
/// characters.
fn push_query(text: &mut String, query: &str) {
    let is_plain = is_plain(query, b"=&");
    // Only a value can hold a further mark, which counts as encoded.
    let part = |part| if is_plain && memchr(b'=', str::as_bytes(part)).is_none() { part.into() } else { encoded(part) };
    let mut pairs: Vec<_> = raw_pairs(query).map(|pair| (part(pair.name), part(pair.value))).collect();
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        text.extend([if index > 0 { "&" } else { "" }, name, "=", value]);
    }
}

/// A segment, name or value in the one spelling that counts. Bytes that are no UTF-8 stay what they are.
fn encoded(part: &str) -> Cow<'_, str> {
    let bytes: Vec<u8> = percent_decode_str(part).collect();
    Cow::Owned(percent_encode(&bytes, NON_UNRESERVED).to_string())
}

/// Returns whether nothing but the marks stands there that is or would be encoded. Neither look-ups nor an early
/// return, so that the loop is vectorised.
fn is_plain(text: &str, marks: &[u8; 2]) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().fold(true, |all, byte| all & (is_unreserved(byte) | (byte == marks[0]) | (byte == marks[1])))
}
