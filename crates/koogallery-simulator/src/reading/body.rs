//! Bodies that are not plain UTF-8, as they come from misconfigured servers.

use serde_json::Value;

/// A body and what is unusual about its bytes.
#[derive(Debug)]
pub(super) struct Body {
    /// The JSON in it.
    pub(super) json: Option<Value>,
    /// Why the marketplace cannot read it, although there may be JSON in it.
    pub(super) oddity: Option<&'static str>,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const GZIP: &[u8] = b"\x1f\x8b";

/// Returns whether a body is compressed with gzip.
pub(crate) fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(GZIP)
}

/// Reads a body, also in an encoding that the marketplace does not read.
pub(super) fn read(body: &[u8]) -> Body {
    if let Some(rest) = body.strip_prefix(BYTE_ORDER_MARK) {
        return Body {
            json: serde_json::from_slice(rest).ok(),
            oddity: Some("the body begins with a byte order mark (BOM)"),
        };
    }
    if is_gzip(body) {
        return Body { json: None, oddity: Some("the body is compressed with gzip") };
    }
    match utf_16(body) {
        Some(text) => Body { json: serde_json::from_str(&text).ok(), oddity: Some("the body is in UTF-16") },
        None => Body { json: serde_json::from_slice(body).ok(), oddity: None },
    }
}

/// Decodes UTF-16; `None` for other encodings. JSON begins with two ASCII characters, if there is no byte order mark.
fn utf_16(body: &[u8]) -> Option<String> {
    let (rest, is_big_endian) = match body {
        [0xff, 0xfe, rest @ ..] => (rest, false),
        [0xfe, 0xff, rest @ ..] => (rest, true),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => (body, true),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => (body, false),
        _ => return None,
    };
    let unit = |pair: &[u8; 2]| if is_big_endian { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
    String::from_utf16(&rest.as_chunks().0.iter().map(unit).collect::<Vec<_>>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"resultCode":"000000"}"#;

    fn is_read(body: &[u8]) -> (bool, Option<&'static str>) {
        let body = read(body);
        (body.json.is_some_and(|json| json["resultCode"] == "000000"), body.oddity)
    }

    #[test]
    fn encodings() {
        assert_eq!(is_read(TEXT.as_bytes()), (true, None));
        assert!(is_read(&[BYTE_ORDER_MARK, TEXT.as_bytes()].concat()).0);
        let little: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for body in [&*little, &*big, &[&[0xff, 0xfe], &*little].concat(), &[&[0xfe, 0xff], &*big].concat()] {
            assert_eq!(is_read(body), (true, Some("the body is in UTF-16")));
        }
        assert_eq!(is_read(&[0x1f, 0x8b, 8]), (false, Some("the body is compressed with gzip")));
        assert_eq!(is_read(b""), (false, None));
        assert_eq!(is_read(b"{\0"), (false, None));
    }
}
