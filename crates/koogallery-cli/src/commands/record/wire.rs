//! The proxy's side towards the caller. No server crate preserves the letter case of header names, so requests are read
//! and answers written here: one per connection, within limits.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;
pub const MAX_BODY: usize = 12 * 1024 * 1024;
/// Timeout for a whole request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A request as received.
#[derive(Debug)]
pub struct Received {
    pub method: String,
    pub target: String,
    /// Names and values in the order and letter case received.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Bytes,
}

/// Reason why a request is not forwarded, with the status of the answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal(pub u16, pub &'static str);

const BROKEN_OFF: Refusal = Refusal(400, "the connection was closed before the end of the request");
const TOO_LARGE: Refusal = Refusal(413, "the body is larger than 12 MiB");
const NOT_CHUNKED: Refusal = Refusal(400, "a chunk of the body has no size");

/// Reads one request; `None` if the connection closes without one.
pub async fn receive(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<Option<Received>, Refusal> {
    timeout(TIMEOUT, Reader { stream, rest: Vec::new() }.request())
        .await
        .unwrap_or(Err(Refusal(408, "the request did not arrive within 30 seconds")))
}

struct Reader<'s, S> {
    stream: &'s mut S,
    /// Read but not used yet.
    rest: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Reader<'_, S> {
    async fn request(&mut self) -> Result<Option<Received>, Refusal> {
        let mut received = loop {
            if let Some((received, length)) = parse_head(&self.rest)? {
                self.rest.drain(..length);
                break received;
            }
            if self.rest.len() >= MAX_HEAD {
                return Err(Refusal(431, "the head is larger than 64 KiB"));
            }
            if !self.read_more().await? {
                return if self.rest.is_empty() { Ok(None) } else { Err(BROKEN_OFF) };
            }
        };
        let values = |wanted: &str| {
            let found = received.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| String::from_utf8_lossy(value).trim().to_ascii_lowercase()).collect::<Vec<_>>()
        };
        let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
        if !self.rest.is_empty() || values("expect").iter().all(|expected| expected != "100-continue") {
            // The body follows without being asked for.
        } else if self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err() {
            return Err(BROKEN_OFF);
        }
        let body = match (&lengths[..], &codings[..]) {
            ([], []) => Vec::new(),
            ([length], []) if length.bytes().all(|digit| digit.is_ascii_digit()) => {
                self.exactly(length.parse().unwrap_or(usize::MAX)).await?
            }
            ([], [coding]) if coding == "chunked" => self.chunked().await?,
            _ => return Err(Refusal(400, "ambiguous body length")),
        };
        received.body = body.into();
        Ok(Some(received))
    }

    /// Returns `false` at the end.
    async fn read_more(&mut self) -> Result<bool, Refusal> {
        match self.stream.read_buf(&mut self.rest).await {
            Ok(length) => Ok(length > 0),
            Err(_) => Err(BROKEN_OFF),
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>, Refusal> {
        if length > MAX_BODY {
            return Err(TOO_LARGE);
        }
        while self.rest.len() < length {
            if !self.read_more().await? {
                return Err(BROKEN_OFF);
            }
        }
        let after = self.rest.split_off(length);
        Ok(std::mem::replace(&mut self.rest, after))
    }

    async fn chunked(&mut self) -> Result<Vec<u8>, Refusal> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| NOT_CHUNKED)?;
            if size == 0 {
                // Trailers are never signed.
                while !self.line().await?.is_empty() {}
                return Ok(body);
            }
            if size > MAX_BODY - body.len() {
                return Err(TOO_LARGE);
            }
            body.extend(self.exactly(size).await?);
            if !self.line().await?.is_empty() {
                return Err(NOT_CHUNKED);
            }
        }
    }

    async fn line(&mut self) -> Result<String, Refusal> {
        const MAX_LINE: usize = 1024;
        loop {
            if let Some(end) = self.rest.iter().take(MAX_LINE).position(|&byte| byte == b'\n') {
                let line = self.exactly(end + 1).await?;
                return Ok(String::from_utf8_lossy(&line).trim().to_owned());
            }
            if self.rest.len() >= MAX_LINE {
                return Err(NOT_CHUNKED);
            }
            if !self.read_more().await? {
                return Err(BROKEN_OFF);
            }
        }
    }
}

/// Returns the head and its length; `None` if it is incomplete.
fn parse_head(buffer: &[u8]) -> Result<Option<(Received, usize)>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(buffer) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(length)) => {
            let headers = request.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec()));
            let received = Received {
                method: request.method.unwrap_or_default().to_owned(),
                target: request.path.unwrap_or_default().to_owned(),
                headers: headers.collect(),
                body: Bytes::new(),
            };
            Ok(Some((received, length)))
        }
        Err(httparse::Error::TooManyHeaders) => Err(Refusal(431, "the head has more than 128 headers")),
        Err(_) => Err(Refusal(400, "the request is not HTTP/1.1")),
    }
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
    async fn requests_of_every_form() {
        let whole = read(b"POST /p?a=%2b HTTP/1.1\r\nX-Sign: S\r\ncontent-length: 2\r\n\r\n{}more").await;
        let whole = whole.unwrap().unwrap();
        assert_eq!((&*whole.method, &*whole.target, &*whole.headers[0].0), ("POST", "/p?a=%2b", "X-Sign"));
        assert_eq!(&whole.body[..], b"{}");
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\nt: 1\r\n\r\n";
        assert_eq!(read(chunked).await.unwrap().unwrap().body, "abc");
        assert!(read(b"GET / HTTP/1.1\r\n\r\n").await.unwrap().unwrap().body.is_empty());
        assert!(read(b"").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_refused() {
        for (wire, status) in [
            (&b"GET / HTTP/1.1\r\nHost"[..], 400),
            (b"\x16\x03\x01\x00", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 12582913\r\n\r\n", 413),
            (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff0\r\n", 413),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nx\r\n", 400),
        ] {
            assert_eq!(read(wire).await.unwrap_err().0, status, "{}", String::from_utf8_lossy(wire));
        }
        let endless = b"GET / HTTP/1.1\r\nx: ".chain(tokio::io::repeat(b'x'));
        let refused = receive(&mut Box::pin(join(endless, tokio::io::sink()))).await;
        assert_eq!(refused.unwrap_err().0, 431);
        let chunks = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".chain(tokio::io::repeat(b'1'));
        assert_eq!(receive(&mut Box::pin(join(chunks, tokio::io::sink()))).await.unwrap_err(), NOT_CHUNKED);
    }
}
