//! Text that went through another character set than UTF-8.

use super::Mistake;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// The bytes read as ISO-8859-1, and written as UTF-8 again.
    ReadAsLatin1,
    /// Written in ISO-8859-1; what it lacks becomes a question mark.
    Latin1,
    /// Written in ASCII; what it lacks becomes a question mark.
    Ascii,
    /// The bytes read as ASCII; every other byte becomes the replacement character.
    ReadAsAscii,
    Utf16 {
        big_endian: bool,
        mark: bool,
    },
    #[cfg(feature = "charsets")]
    Written(&'static encoding_rs::Encoding),
    #[cfg(feature = "charsets")]
    Read(&'static encoding_rs::Encoding),
}

/// Those that Chinese systems use beside UTF-8.
#[cfg(feature = "charsets")]
static OTHERS: [&encoding_rs::Encoding; 4] =
    [encoding_rs::GBK, encoding_rs::GB18030, encoding_rs::BIG5, encoding_rs::WINDOWS_1252];

#[cfg(feature = "charsets")]
fn others() -> impl Iterator<Item = (Mistake, Charset)> {
    OTHERS.into_iter().flat_map(|encoding| {
        let mistake = Mistake::OtherCharset(encoding.name());
        [(mistake.clone(), Charset::Written(encoding)), (mistake, Charset::Read(encoding))]
    })
}

#[cfg(not(feature = "charsets"))]
fn others() -> impl Iterator<Item = (Mistake, Charset)> {
    std::iter::empty()
}

pub(super) fn mistakes() -> impl Iterator<Item = (Mistake, Charset)> {
    let utf_16 = |big_endian, mark| (Mistake::OtherCharset("UTF-16"), Charset::Utf16 { big_endian, mark });
    [
        (Mistake::Charset, Charset::ReadAsLatin1),
        (Mistake::Charset, Charset::Latin1),
        (Mistake::Charset, Charset::Ascii),
        (Mistake::Charset, Charset::ReadAsAscii),
        utf_16(false, false),
        utf_16(true, true),
        utf_16(true, false),
        utf_16(false, true),
    ]
    .into_iter()
    .chain(others())
}

impl Charset {
    /// Returns whether bytes were read so, and not written.
    pub(super) fn is_read(self) -> bool {
        match self {
            Self::ReadAsLatin1 | Self::ReadAsAscii => true,
            #[cfg(feature = "charsets")]
            Self::Read(_) => true,
            _ => false,
        }
    }

    /// `None` where nothing changes, or the bytes are no UTF-8 to begin with.
    pub(super) fn change(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let is_utf_16 = matches!(self, Self::Utf16 { .. });
        if bytes.is_ascii() && !is_utf_16 {
            return None;
        }
        let text = || str::from_utf8(bytes).ok();
        Some(match self {
            Self::ReadAsLatin1 => bytes.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes(),
            Self::Latin1 => text()?.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect(),
            Self::Ascii => text()?.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }).collect(),
            Self::ReadAsAscii => {
                let read = |&byte: &u8| if byte.is_ascii() { char::from(byte) } else { char::REPLACEMENT_CHARACTER };
                bytes.iter().map(read).collect::<String>().into_bytes()
            }
            Self::Utf16 { big_endian, mark } => {
                let bytes = |unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
                mark.then_some(0xfeff).into_iter().chain(text()?.encode_utf16()).flat_map(bytes).collect()
            }
            #[cfg(feature = "charsets")]
            Self::Written(encoding) => match encoding.encode(text()?) {
                (written, _, false) => written.into_owned(),
                _ => with_question_marks(encoding, text()?),
            },
            #[cfg(feature = "charsets")]
            Self::Read(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned().into_bytes(),
        })
    }
}

/// The text in an encoding; what that lacks becomes a question mark, as Java and .NET write it.
#[cfg(feature = "charsets")]
fn with_question_marks(encoding: &'static encoding_rs::Encoding, text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        match encoding.encode(character.encode_utf8(&mut [0; 4])) {
            (written, _, false) => out.extend_from_slice(&written),
            _ => out.push(b'?'),
        }
    }
    out
}
