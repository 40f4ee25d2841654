//! A connection for several requests, one after the other.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::wire::{Framing, Receiver, body, head};
use crate::target::{Answer, TargetError};

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
    receiver: Receiver<Box<dyn ByteStream>>,
    pub(crate) times: Times,
    /// Whether the last answer allows another request to follow.
    pub(crate) is_open: bool,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn ByteStream>, times: Times) -> Self {
        Self { receiver: Receiver::new(stream), times, is_open: true }
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
        let stream = self.receiver.stream();
        let sent = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        sent.await.map_err(|error| TargetError::CutOff(error.to_string()))
    }

    /// Reads the answer to the request that was sent.
    pub(crate) async fn answer(&mut self, began: Instant, is_last: bool) -> Result<Answer, TargetError> {
        let received = self.receiver.answer(is_last).await?;
        self.is_open = received.is_followed;
        Ok(Answer::from_wire(received.status, received.headers, received.body, began.elapsed()))
    }

    /// Returns whether the server asks for the body (`true`), or answers without it.
    pub(crate) async fn is_continued(&mut self) -> Result<bool, TargetError> {
        self.receiver.is_continued().await
    }

    /// Returns received bytes that belong to no answer.
    pub(crate) fn left_over(&self) -> usize {
        self.receiver.left_over()
    }

    /// Returns the first bytes received, up to a length; fewer if the other side closes.
    pub(crate) async fn first_bytes(&mut self, length: usize) -> Result<Vec<u8>, TargetError> {
        self.receiver.first_bytes(length).await
    }
}
