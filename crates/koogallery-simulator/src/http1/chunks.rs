//! The chunked coding of bodies (RFC 9112, section 7.1).

use bytes::BytesMut;

use super::ReadError;

/// Maximum length of a line: the size of a chunk and its extensions, or a trailer.
const MAX_LINE: usize = 1024;
const MAX_TRAILERS: usize = 128;

/// A body that arrives in chunks.
#[derive(Debug)]
pub struct Chunks {
    body: Vec<u8>,
    max_body: usize,
    next: Next,
}

#[derive(Debug)]
enum Next {
    Size,
    /// So many bytes of a chunk.
    Data(usize),
    /// The line break after a chunk.
    DataEnd,
    /// Trailers, of which so many were read.
    Trailer(usize),
    Nothing,
}

impl Chunks {
    /// Creates an empty body that may grow to `max_body` bytes.
    pub fn new(max_body: usize) -> Self {
        Self { body: Vec::new(), max_body, next: Next::Size }
    }

    /// Consumes as much of the input as belongs to the body.
    ///
    /// # Errors
    ///
    /// The input is not chunked, or too large.
    pub fn read(&mut self, input: &mut BytesMut) -> Result<(), ReadError> {
        loop {
            self.next = match self.next {
                Next::Nothing => return Ok(()),
                Next::Data(0) => Next::DataEnd,
                Next::Data(_) if input.is_empty() => return Ok(()),
                Next::Data(left) => {
                    let part = input.split_to(left.min(input.len()));
                    self.body.extend_from_slice(&part);
                    Next::Data(left - part.len())
                }
                Next::Size | Next::DataEnd | Next::Trailer(_) => {
                    let Some(line) = line(input)? else { return Ok(()) };
                    self.after(&line)?
                }
            };
        }
    }

    fn after(&self, line: &[u8]) -> Result<Next, ReadError> {
        Ok(match self.next {
            Next::Size => match size(line).ok_or(ReadError::NotChunked)? {
                0 => Next::Trailer(0),
                size if size > self.max_body - self.body.len() => return Err(ReadError::BodyTooLarge(self.max_body)),
                size => Next::Data(size),
            },
            Next::DataEnd if line.is_empty() => Next::Size,
            Next::DataEnd => return Err(ReadError::NotChunked),
            Next::Trailer(_) if line.is_empty() => Next::Nothing,
            // Trailers are never signed.
            Next::Trailer(read) if read < MAX_TRAILERS => Next::Trailer(read + 1),
            _ => return Err(ReadError::TooManyHeaders("body")),
        })
    }

    /// Returns whether the last chunk was read.
    pub fn is_complete(&self) -> bool {
        matches!(self.next, Next::Trailer(_) | Next::Nothing)
    }

    /// Returns whether the last chunk and the trailers after it were read.
    pub fn is_over(&self) -> bool {
        matches!(self.next, Next::Nothing)
    }

    /// Returns what was read of the body.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

/// Takes a line and removes white space at its ends; `None` while it is incomplete.
fn line(input: &mut BytesMut) -> Result<Option<Vec<u8>>, ReadError> {
    match memchr::memchr(b'\n', &input[..input.len().min(MAX_LINE)]) {
        Some(end) => Ok(Some(input.split_to(end + 1).trim_ascii().to_vec())),
        None if input.len() >= MAX_LINE => Err(ReadError::NotChunked),
        None => Ok(None),
    }
}

/// Returns the size of a chunk; one beyond all limits is the largest.
fn size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii();
    let digits = str::from_utf8(digits).ok()?;
    let is_hex = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| usize::from_str_radix(digits, 16).unwrap_or(usize::MAX))
}
