//! HTTP/1.1 messages read from a stream, within limits: answers for the calls of this crate, requests for `koogallery record`. No
//! client or server crate preserves the letter case of received header names.

mod chunks;
mod error;
mod head;

use std::io::ErrorKind;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

pub use chunks::Chunks;
pub use error::ReadError;
pub use head::{Headers, RequestHead, ResponseHead};

/// Maximum length of a head, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// An answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Response {
    /// Status and headers.
    pub head: ResponseHead,
    /// The body, without its chunked coding.
    pub body: Bytes,
    /// Whether another request may follow on the same connection.
    pub is_followed: bool,
}

/// Reads one message after the other.
#[derive(Debug)]
pub struct Reader<S> {
    stream: S,
    /// Received but not used yet.
    rest: BytesMut,
    max_body: usize,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    /// Creates a reader that refuses bodies of more than `max_body` bytes.
    pub fn new(stream: S, max_body: usize) -> Self {
        Self { stream, rest: BytesMut::new(), max_body }
    }

    /// Returns the stream, to write to it.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Returns how many bytes are received and not read yet.
    pub fn unread(&self) -> usize {
        self.rest.len()
    }

    /// Returns the first bytes received, up to a length, and does not consume them; fewer if the other side closes.
    ///
    /// # Errors
    ///
    /// The stream failed.
    pub async fn first_bytes(&mut self, length: usize) -> Result<Vec<u8>, ReadError> {
        while self.rest.len() < length && self.receive().await? > 0 {}
        Ok(self.rest[..self.rest.len().min(length)].to_vec())
    }

    /// Reads the head of a request; `None` if the other side closes without one.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn request_head(&mut self) -> Result<Option<RequestHead>, ReadError> {
        match self.head(RequestHead::parse).await {
            Ok((head, length)) => {
                drop(self.rest.split_to(length));
                Ok(Some(head))
            }
            Err(ReadError::CutOff(_)) if self.rest.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the body of the request whose head was read last.
    ///
    /// # Errors
    ///
    /// See [`ReadError`]; a length that could be read in two ways is refused.
    pub async fn request_body(&mut self, head: &RequestHead) -> Result<Bytes, ReadError> {
        let headers = &head.headers;
        match (headers.content_length()?, headers.transfer_codings().as_slice()) {
            (None, []) => Ok(Bytes::new()),
            (Some(length), []) => self.exactly(length).await,
            (None, [coding]) if coding == "chunked" => self.chunked(false).await,
            _ => Err(ReadError::AmbiguousLength),
        }
    }

    /// Returns whether the next head is `100 Continue`, which is consumed.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn is_continued(&mut self) -> Result<bool, ReadError> {
        let (head, length) = self.head(ResponseHead::parse).await?;
        let is_continued = head.status == 100;
        if is_continued {
            drop(self.rest.split_to(length));
        }
        Ok(is_continued)
    }

    /// Reads the final answer to the request that was sent. With `is_last`, nothing is read after its last chunk.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn response(&mut self, is_last: bool) -> Result<Response, ReadError> {
        let head = loop {
            let (head, length) = self.head(ResponseHead::parse).await?;
            drop(self.rest.split_to(length));
            if !head.is_interim() {
                break head;
            }
        };
        let codings = head.headers.transfer_codings();
        let mut is_followed = head.is_followed();
        let body = if matches!(head.status, 204 | 304) {
            Bytes::new()
        } else if codings.last().is_some_and(|coding| coding == "chunked") {
            self.chunked(is_last).await?
        } else if let Some(length) = head.headers.content_length()?.filter(|_| codings.is_empty()) {
            self.exactly(length).await?
        } else {
            is_followed = false;
            self.until_closed().await?
        };
        Ok(Response { head, body, is_followed })
    }

    async fn head<H>(&mut self, parse: Parse<H>) -> Result<(H, usize), ReadError> {
        loop {
            if let Some(parsed) = parse(&self.rest)? {
                return Ok(parsed);
            }
            if self.rest.len() >= MAX_HEAD {
                return Err(ReadError::HeadTooLarge);
            }
            if self.receive().await? == 0 {
                return Err(ReadError::CutOff("closed before the end of the head".to_owned()));
            }
        }
    }

    async fn receive(&mut self) -> Result<usize, ReadError> {
        self.rest.reserve(8 * 1024);
        match self.stream.read_buf(&mut self.rest).await {
            // Closed without the TLS close alert, which callers treat as closed.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            outcome => outcome.map_err(|error| ReadError::CutOff(error.to_string())),
        }
    }

    /// Receives more of a body that is not over.
    async fn receive_body(&mut self) -> Result<(), ReadError> {
        match self.receive().await? {
            0 => Err(ReadError::CutOff("closed before the end of the body".to_owned())),
            _ => Ok(()),
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Bytes, ReadError> {
        if length > self.max_body {
            return Err(ReadError::BodyTooLarge(self.max_body));
        }
        while self.rest.len() < length {
            self.receive_body().await?;
        }
        Ok(self.rest.split_to(length).freeze())
    }

    async fn until_closed(&mut self) -> Result<Bytes, ReadError> {
        while self.rest.len() <= self.max_body {
            if self.receive().await? == 0 {
                return Ok(self.rest.split().freeze());
            }
        }
        Err(ReadError::BodyTooLarge(self.max_body))
    }

    async fn chunked(&mut self, is_last: bool) -> Result<Bytes, ReadError> {
        let mut chunks = Chunks::new(self.max_body);
        loop {
            chunks.read(&mut self.rest)?;
            // What follows the last chunk matters only if the connection is reused.
            if chunks.is_over() || is_last && chunks.is_complete() {
                return Ok(chunks.into_body().into());
            }
            self.receive_body().await?;
        }
    }
}

/// Reads a head and its length; `None` while it is incomplete.
type Parse<H> = fn(&[u8]) -> Result<Option<(H, usize)>, ReadError>;

#[cfg(test)]
mod tests;
