//! Bytes of an export into text.

use encoding_rs::DecoderResult;

use super::{Encoding, ExportError};

/// Returns the text of an export, without its byte order mark.
pub(super) fn decode(bytes: &[u8], chosen: Option<Encoding>) -> Result<String, ExportError> {
    let mark = encoding_rs::Encoding::for_bom(bytes);
    let encoding = chosen.unwrap_or_else(|| match mark {
        Some((marked, _)) if marked == encoding_rs::UTF_8 => Encoding::Utf8,
        Some(_) => Encoding::Utf16,
        None if std::str::from_utf8(bytes).is_ok() => Encoding::Utf8,
        None => Encoding::Gb18030,
    });
    let is_of = |marked: &&'static encoding_rs::Encoding| match encoding {
        Encoding::Utf8 => *marked == encoding_rs::UTF_8,
        Encoding::Utf16 => *marked != encoding_rs::UTF_8,
        Encoding::Gb18030 => false,
    };
    let (decoding, rest) = match (mark.filter(|(marked, _)| is_of(marked)), encoding) {
        (Some((marked, length)), _) => (marked, bytes.get(length..).unwrap_or_default()),
        (None, Encoding::Utf8) => (encoding_rs::UTF_8, bytes),
        (None, Encoding::Utf16) => (encoding_rs::UTF_16LE, bytes),
        (None, Encoding::Gb18030) => (encoding_rs::GB18030, bytes),
    };
    let mut decoder = decoding.new_decoder_without_bom_handling();
    let longest = decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len());
    let mut text = String::with_capacity(longest);
    match decoder.decode_to_string_without_replacement(rest, &mut text, true).0 {
        // Line breaks as old as this are counted like the others.
        DecoderResult::InputEmpty if !text.contains('\n') => Ok(text.replace('\r', "\n")),
        DecoderResult::InputEmpty => Ok(text),
        _ => {
            let lines_before = text.bytes().filter(|byte| *byte == b'\n').count();
            Err(ExportError::Encoding { row: u64::try_from(lines_before).unwrap_or(u64::MAX - 1) + 1, encoding })
        }
    }
}
