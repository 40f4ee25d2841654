//! The proxy's side towards the caller: one request per connection, and its answer.

use std::time::Duration;

use bytes::Bytes;
use koogallery_simulator::http1::{ReadError, Reader, RequestHead};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

pub const MAX_BODY: usize = 12 * 1024 * 1024;
/// Timeout for a whole request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A request as received.
#[derive(Debug)]
pub struct Received {
    pub head: RequestHead,
    pub body: Bytes,
}

/// Reason why a request is not forwarded, with the status of the answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal(pub u16, pub String);

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::HeadTooLarge | ReadError::TooManyHeaders(_) => Self(431, format!("the {error}")),
            ReadError::BodyTooLarge(_) => Self(413, format!("the {error}")),
            ReadError::NotChunked | ReadError::AmbiguousLength => Self(400, error.to_string()),
            ReadError::NotHttp(_) => Self(400, "the request is not HTTP/1.1".to_owned()),
            _ => Self(400, "the connection was closed before the end of the request".to_owned()),
        }
    }
}

/// Reads one request; `None` if the connection closes without one.
pub async fn receive(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<Option<Received>, Refusal> {
    timeout(TIMEOUT, request(stream))
        .await
        .unwrap_or_else(|_| Err(Refusal(408, "the request did not arrive within 30 seconds".to_owned())))
}

async fn request(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<Option<Received>, Refusal> {
    let mut reader = Reader::new(stream, MAX_BODY);
    let Some(head) = reader.request_head().await? else { return Ok(None) };
    if reader.unread() == 0 && head.headers.tokens("expect").iter().any(|expected| expected == "100-continue") {
        let asked = reader.stream().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        asked.map_err(|error| ReadError::CutOff(error.to_string()))?;
    }
    let body = reader.request_body(&head).await?;
    Ok(Some(Received { head, body }))
}

/// Writes an answer and closes, in a way that lets the caller read all of it.
pub async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) {
    /// For a caller that is still sending.
    const LINGER: Duration = Duration::from_secs(1);
    let mut bytes = format!("{}\r\n", status_line(status)).into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !matches!(status, 204 | 304) {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"Connection: close\r\n\r\n");
    bytes.extend_from_slice(body);
    if stream.write_all(&bytes).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    let mut unread = [0; 8 * 1024];
    let drain = async { while matches!(stream.read(&mut unread).await, Ok(length) if length > 0) {} };
    let _ = timeout(LINGER, drain).await;
}

pub fn status_line(status: u16) -> String {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    format!("HTTP/1.1 {status} {}", reason.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::join;

    async fn read(wire: &[u8]) -> Result<Option<Received>, Refusal> {
        receive(&mut join(wire, tokio::io::sink())).await
    }

    #[tokio::test]
    async fn a_body_is_asked_for_where_the_caller_waits() {
        for (rest, asked) in [(&b""[..], "HTTP/1.1 100 Continue\r\n\r\n"), (b"ab", "")] {
            let wire = [b"POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n", rest].concat();
            let mut written = Vec::new();
            let read = receive(&mut join(&wire[..], &mut written)).await;
            assert_eq!(read.is_ok(), !rest.is_empty());
            assert_eq!(String::from_utf8(written).unwrap(), asked);
        }
    }

    #[tokio::test]
    async fn what_is_refused() {
        for (wire, status) in [
            (&b"GET / HTTP/1.1\r\nHost"[..], 400),
            (b"\x16\x03\x01\x00", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 12582913\r\n\r\n", 413),
            (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff0\r\n", 413),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        ] {
            assert_eq!(read(wire).await.unwrap_err().0, status, "{}", String::from_utf8_lossy(wire));
        }
        let endless = b"GET / HTTP/1.1\r\nx: ".chain(tokio::io::repeat(b'x'));
        let refused = receive(&mut Box::pin(join(endless, tokio::io::sink()))).await;
        assert_eq!(refused.unwrap_err(), Refusal(431, "the head is larger than 64 KiB".to_owned()));
    }
}
