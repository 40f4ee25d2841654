//! A connection for several requests, one after the other.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::wire::{Framing, body, head};
use crate::http1::{ReadError, Reader};
use crate::target::{Answer, TargetError};

/// Maximum length of an answer's body, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// A byte stream in both directions.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// Time that it took to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// To resolve the name.
    pub(crate) dns: Duration,
    pub(crate) tcp: Duration,
    /// The TLS handshake, if there was one.
    pub(crate) tls: Option<Duration>,
}

impl Times {
    pub(crate) fn total(&self) -> Duration {
        self.dns + self.tcp + self.tls.unwrap_or_default()
    }
}

pub(crate) struct Connection {
    reader: Reader<Box<dyn ByteStream>>,
    pub(crate) times: Times,
    /// Whether the last answer allows another request to follow.
    pub(crate) is_open: bool,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn ByteStream>, times: Times) -> Self {
        Self { reader: Reader::new(stream, MAX_BODY), times, is_open: true }
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn exchange(
        &mut self,
        request: &Request<Bytes>,
        authority: &str,
        framing: Framing,
        is_last: bool,
    ) -> Result<Answer, TargetError> {
        let began = Instant::now();
        let bytes = [head(request, authority, framing, is_last), body(request, framing)].concat();
        // A server may answer before it has read everything, and close; its answer counts all the same.
        let sent = self.send(&bytes).await;
        let received = self.answer(began, is_last).await;
        match (sent, received) {
            (Err(error), Err(_)) => Err(error),
            (_, received) => received,
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), TargetError> {
        let stream = self.reader.stream();
        let sent = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        sent.await.map_err(|error| TargetError::CutOff(error.to_string()))
    }

    /// Reads the answer to the request that was sent.
    pub(crate) async fn answer(&mut self, began: Instant, is_last: bool) -> Result<Answer, TargetError> {
        let response = self.reader.response(is_last).await?;
        self.is_open = response.is_followed;
        let text = |(name, value): (&str, &[u8])| (name.to_owned(), String::from_utf8_lossy(value).into_owned());
        let headers = response.head.headers.iter().map(text).collect();
        Ok(Answer::from_wire(response.head.status, headers, response.body, began.elapsed()))
    }

    /// Returns whether the server asks for the body (`true`), or answers without it.
    pub(crate) async fn is_continued(&mut self) -> Result<bool, TargetError> {
        Ok(self.reader.is_continued().await?)
    }

    /// Returns received bytes that belong to no answer.
    pub(crate) fn left_over(&self) -> usize {
        self.reader.unread()
    }

    /// Returns the first bytes received, up to a length; fewer if the other side closes.
    pub(crate) async fn first_bytes(&mut self, length: usize) -> Result<Vec<u8>, TargetError> {
        Ok(self.reader.first_bytes(length).await?)
    }
}

impl From<ReadError> for TargetError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::HeadTooLarge | ReadError::TooManyHeaders(_) | ReadError::BodyTooLarge(_) => {
                Self::TooLarge(error.to_string())
            }
            ReadError::CutOff(why) => Self::CutOff(why),
            other => Self::NotHttp(other.to_string()),
        }
    }
}
