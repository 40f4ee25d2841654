//! ASCII-only output, as V1.0 requires it.

use std::io;

use bytes::Bytes;
use serde::Serialize;

/// Serializes with every character outside ASCII written as `\uXXXX`.
pub(crate) fn to_ascii<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Bytes> {
    let mut short = Short { buffer: [0; 512], length: 0 };
    if value.serialize(&mut serde_json::Serializer::with_formatter(&mut short, AsciiFormatter)).is_ok() {
        return Ok(Bytes::copy_from_slice(&short.buffer[..short.length]));
    }
    let mut out = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, AsciiFormatter))?;
    Ok(out.into())
}

/// Most answers are short: written here, they are allocated once and in their length.
struct Short {
    buffer: [u8; 512],
    length: usize,
}

impl io::Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.length + bytes.len();
        let free = self.buffer.get_mut(self.length..end).ok_or(io::ErrorKind::WriteZero)?;
        free.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct AsciiFormatter;

impl serde_json::ser::Formatter for AsciiFormatter {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() {
            return writer.write_all(fragment.as_bytes());
        }
        let mut units = [0; 2];
        for character in fragment.chars() {
            if character.is_ascii() {
                writer.write_all(&[character as u8])?;
            } else {
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_ascii() {
        let escaped = r#"a\u0001\"\u6b22\ud83d\ude00"#;
        for repeats in [1, 18, 19, 100] {
            // The first two fit the buffer.
            let written = to_ascii(&["a\u{1}\"欢😀".repeat(repeats)]).unwrap();
            assert_eq!(written, format!("[\"{}\"]", escaped.repeat(repeats)));
        }
    }
}
