//! The canonical form that the marketplace signs.

use std::fmt::Write as _;

use memchr::memchr;

use super::{JsonError, Tokens, members, shown, unquote};
use crate::text::order::utf16_order;

/// The canonical form of a request body: top-level members sorted by UTF-16 code units, top-level nulls dropped, no
/// white space, strings escaped as Jackson writes them, number literals and nested order untouched.
pub(crate) fn canonical(body: &[u8]) -> Result<String, JsonError> {
    let mut members = members(body)?;
    members.retain(|(_, value)| value != "null");
    members.sort_by(|(a, _), (b, _)| utf16_order(a, b));
    let mut out = String::with_capacity(body.len());
    out.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_quoted(&mut out, name);
        out.push(':');
        push_canonical(&mut out, value).ok_or_else(|| JsonError::InvalidEscape(shown(name)))?;
    }
    out.push('}');
    Ok(out)
}

/// Appends a value as the canonical form has it; `None` where an escape in it names no character.
pub(crate) fn push_canonical(out: &mut String, value: &str) -> Option<()> {
    for token in Tokens(value) {
        // Without a backslash, nothing stands in a literal that Jackson would write in another way.
        if token.starts_with('"') && memchr(b'\\', token.as_bytes()).is_some() {
            push_quoted(out, &unquote(token)?);
        } else {
            out.push_str(token);
        }
    }
    Some(())
}

/// Appends a string literal escaped as Jackson does: only what must be, controls as `\u00XX` with capital digits.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    let must_be_escaped = |byte| matches!(byte, b'\0'..b' ' | b'"' | b'\\');
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(must_be_escaped) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\x08' => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\x0c' => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            control => {
                let _ = write!(out, "\\u{control:04X}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_lone_surrogate_has_no_canonical_form() {
        assert_eq!(canonical(br#"{"a":"\ud800"}"#).unwrap_err(), JsonError::InvalidEscape("a".to_owned()));
    }

    proptest! {
        #[test]
        fn however_a_text_is_escaped_its_canonical_form_is_one(text in "([a-c\"\\\\/\u{0}-\u{20}\u{7f}é云😀]|\\PC){0,8}") {
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let written = |character: char| match character {
                '"' | '\\' => format!("\\{character}"),
                '\u{8}' => "\\b".to_owned(),
                '\t' => "\\t".to_owned(),
                '\n' => "\\n".to_owned(),
                '\u{c}' => "\\f".to_owned(),
                '\r' => "\\r".to_owned(),
                '\0'..' ' => format!("\\u{:04X}", u32::from(character)),
                _ => character.to_string(),
            };
            let canonical = format!("\"{}\"", text.chars().map(written).collect::<String>());
            for literal in [&format!("\"{escaped}\""), &serde_json::to_string(&text).unwrap(), &canonical] {
                let mut out = String::new();
                prop_assert_eq!(push_canonical(&mut out, &format!("[1,{literal} , {literal}]")), Some(()));
                prop_assert_eq!(out, format!("[1,{canonical},{canonical}]"));
            }
        }
    }
}
