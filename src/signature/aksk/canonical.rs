//! The canonical form of a request.

use http::request::Parts;
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::{Payload, X_SDK_CONTENT_SHA256};
use crate::text::query::{self, Plus, RESERVED};

/// The text that is hashed and signed: method, path, query, headers, their names, and the hash of the body, a line each.
///
/// It holds no secret, but header values and the query do stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalRequest {
    text: String,
    signed_headers: String,
}

impl CanonicalRequest {
    /// The canonical form for the signed headers named. `None` where a header is missing or no text, or the address cannot
    /// be decoded.
    pub fn new(parts: &Parts, signed_headers: &[String], payload: Payload<'_>) -> Option<Self> {
        let mut text = String::with_capacity(512);
        text.push_str(parts.method.as_str());
        text.push('\n');
        push_path(&mut text, parts.uri.path())?;
        text.push('\n');
        push_query(&mut text, parts.uri.query().unwrap_or_default())?;
        text.push('\n');
        for name in signed_headers {
            let value = parts.headers.get(name)?.to_str().ok()?;
            text.extend([name, ":", value.trim(), "\n"]);
        }
        let signed_headers = signed_headers.join(";");
        text.extend(["\n", &signed_headers, "\n"]);
        match (parts.headers.get(X_SDK_CONTENT_SHA256), payload) {
            (Some(instead), _) => text.push_str(instead.to_str().ok()?),
            (None, Payload::Bytes(body)) => text.push_str(&const_hex::encode(Sha256::digest(body))),
            (None, Payload::Sha256(digest)) => text.push_str(&const_hex::encode(digest)),
            (None, Payload::Unsigned) => return None,
        }
        Some(Self { text, signed_headers })
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of the signed headers, joined with `;`.
    pub fn signed_headers(&self) -> &str {
        &self.signed_headers
    }
}

/// Every segment decoded and encoded again, and a `/` at the end, which is signed though it is not sent.
fn push_path(text: &mut String, path: &str) -> Option<()> {
    let segments = path.strip_prefix('/').unwrap_or(path);
    let segments = segments.strip_suffix('/').unwrap_or(segments);
    text.push('/');
    if segments.is_empty() {
        return Some(());
    }
    for segment in segments.split('/') {
        let decoded = percent_decode_str(segment).decode_utf8().ok()?;
        text.extend(utf8_percent_encode(&decoded, RESERVED));
        text.push('/');
    }
    Some(())
}

/// Names and values decoded, sorted and encoded again. A `+` is a plus: the marketplace's own clients never write a space so.
fn push_query(text: &mut String, query: &str) -> Option<()> {
    let decode = |pair: query::RawPair<'_>| {
        let (name, value) = pair.decoded_name(Plus::Literal).zip(pair.decoded_value(Plus::Literal))?;
        Some((name.into_owned(), value.into_owned()))
    };
    let mut pairs = query::raw_pairs(query).map(decode).collect::<Option<Vec<_>>>()?;
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.extend(utf8_percent_encode(name, RESERVED));
        text.push('=');
        text.extend(utf8_percent_encode(value, RESERVED));
    }
    Some(())
}
