//! Reasons why a signed JSON body does not match, as far as it can be seen without a key. Looked at only after the
//! comparison failed.

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::VerifyError;
use crate::text::json::{self, JsonError};

/// First bytes of compressed data. No JSON text begins so. (zlib has a fourth level, which `deflate` clients never
/// choose.)
const FIRST_BYTES: [(&[u8], &str); 6] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x78\x01", "deflate"),
    (b"\x78\x5e", "deflate"),
    (b"\x78\x9c", "deflate"),
    (b"\x78\xda", "deflate"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
];

/// The error for a body that no key of the ring signed.
pub(super) fn of_body(body: &[u8]) -> VerifyError {
    match (coding_of(body), json::members(body)) {
        (Some(coding), _) => VerifyError::Compressed(coding),
        (None, Err(JsonError::RepeatedMember(name))) => VerifyError::RepeatedMember(name),
        _ => VerifyError::Mismatch,
    }
}

/// The coding in which a body is compressed, by its first bytes.
pub(super) fn coding_of(body: &[u8]) -> Option<&'static str> {
    FIRST_BYTES.iter().find(|(first, _)| body.starts_with(first)).map(|(_, coding)| *coding)
}

/// The coding that `Content-Encoding` names.
pub(super) fn named_coding(headers: &HeaderMap) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 6] = [
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("deflate", "deflate"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("compress", "compress"),
    ];
    let named = headers.get(CONTENT_ENCODING)?.to_str().ok()?.trim();
    if named.is_empty() || named.eq_ignore_ascii_case("identity") {
        return None;
    }
    let known = KNOWN.into_iter().find(|(name, _)| named.eq_ignore_ascii_case(name));
    Some(known.map_or("an unknown coding", |(_, coding)| coding))
}
