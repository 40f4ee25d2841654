//! HTTP/1.1 requests and answers as bytes.

use std::io::ErrorKind;

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::target::TargetError;

const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Framing of a request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// With its length.
    Plain,
    /// In chunks.
    Chunked,
    /// With its length, after the server has asked for it.
    AfterContinue,
}

/// Returns a request up to its body.
pub(crate) fn head(request: &Request<Bytes>, authority: &str, framing: Framing, is_last: bool) -> Vec<u8> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut bytes = format!("{} {target} HTTP/1.1\r\nHost: {authority}\r\n", request.method()).into_bytes();
    if is_last {
        bytes.extend_from_slice(b"Connection: close\r\n");
    }
    for (name, value) in request.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    if !request.body().is_empty() {
        let framing = match framing {
            Framing::Plain => format!("Content-Length: {}\r\n", request.body().len()),
            Framing::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
            Framing::AfterContinue => {
                format!("Content-Length: {}\r\nExpect: 100-continue\r\n", request.body().len())
            }
        };
        bytes.extend_from_slice(framing.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// Returns the body of a request.
pub(crate) fn body(request: &Request<Bytes>, framing: Framing) -> Vec<u8> {
    let body = request.body();
    match framing {
        Framing::Chunked if !body.is_empty() => {
            // More than one, cut where a character or an escape may be.
            let chunks = body.chunks(body.len().div_ceil(3));
            let mut bytes: Vec<u8> = chunks
                .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
                .collect();
            bytes.extend_from_slice(b"0\r\n\r\n");
            bytes
        }
        _ => body.to_vec(),
    }
}

/// One answer.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// Whether the server allows another request on the same connection.
    pub(super) is_followed: bool,
}

struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    length: usize,
    is_http_1_1: bool,
}

impl Head {
    fn parse(buffer: &[u8]) -> Result<Option<Self>, TargetError> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(buffer) {
            Ok(httparse::Status::Complete(length)) => {
                let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
                let headers = response.headers.iter().map(|header| (header.name.to_owned(), text(header.value)));
                Ok(Some(Self {
                    status: response.code.unwrap_or_default(),
                    headers: headers.collect(),
                    length,
                    is_http_1_1: response.version == Some(1),
                }))
            }
            Ok(httparse::Status::Partial) => Ok(None),
            Err(httparse::Error::TooManyHeaders) => Err(TargetError::TooLarge("head has more than 128 headers")),
            Err(error) => Err(TargetError::NotHttp(error.to_string())),
        }
    }

    /// An interim answer precedes the final one.
    fn is_interim(&self) -> bool {
        (100..200).contains(&self.status)
    }

    fn header(&self, wanted: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| &**value)
    }

    fn has_token(&self, name: &str, token: &str) -> bool {
        self.header(name).is_some_and(|list| list.to_ascii_lowercase().contains(token))
    }

    fn is_followed(&self) -> bool {
        match self.is_http_1_1 {
            true => !self.has_token("connection", "close"),
            false => self.has_token("connection", "keep-alive"),
        }
    }
}

/// Reads answers, never beyond the limits.
pub(super) struct Receiver<S> {
    stream: S,
    /// Read but not used yet.
    rest: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Receiver<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, rest: Vec::with_capacity(8 * 1024) }
    }

    pub(super) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    pub(super) fn left_over(&self) -> usize {
        self.rest.len()
    }

    pub(super) async fn first_bytes(&mut self, length: usize) -> Result<Vec<u8>, TargetError> {
        while self.rest.len() < length && self.read_more().await? > 0 {}
        Ok(self.rest[..self.rest.len().min(length)].to_vec())
    }

    /// Returns whether the next head is `100 Continue`, which is consumed.
    pub(super) async fn is_continued(&mut self) -> Result<bool, TargetError> {
        let head = self.head().await?;
        let is_continued = head.status == 100;
        if is_continued {
            self.rest.drain(..head.length);
        }
        Ok(is_continued)
    }

    pub(super) async fn answer(&mut self, is_last: bool) -> Result<Received, TargetError> {
        let head = loop {
            let head = self.head().await?;
            self.rest.drain(..head.length);
            if !head.is_interim() {
                break head;
            }
        };
        let mut is_followed = head.is_followed();
        let body = match head.header("content-length") {
            _ if matches!(head.status, 204 | 304) => Vec::new(),
            _ if head.has_token("transfer-encoding", "chunked") => self.chunked(is_last).await?,
            Some(length) => {
                let length =
                    length.trim().parse().map_err(|_| TargetError::NotHttp("a length that is not a number".into()))?;
                self.exactly(length).await?
            }
            None => {
                is_followed = false;
                self.until_closed().await?
            }
        };
        Ok(Received { status: head.status, headers: head.headers, body: body.into(), is_followed })
    }

    async fn head(&mut self) -> Result<Head, TargetError> {
        loop {
            if let Some(head) = Head::parse(&self.rest)? {
                return Ok(head);
            }
            if self.rest.len() >= MAX_HEAD {
                return Err(TargetError::TooLarge("head is larger than 64 KiB"));
            }
            if self.read_more().await? == 0 {
                return Err(TargetError::CutOff("closed before the end of the head".to_owned()));
            }
        }
    }

    async fn read_more(&mut self) -> Result<usize, TargetError> {
        match self.stream.read_buf(&mut self.rest).await {
            // Closed without the TLS close alert, which callers treat as closed.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            outcome => outcome.map_err(|error| TargetError::CutOff(error.to_string())),
        }
    }

    async fn fill(&mut self, length: usize) -> Result<(), TargetError> {
        while self.rest.len() < length {
            if self.read_more().await? == 0 {
                return Err(TargetError::CutOff("closed before the end of the body".to_owned()));
            }
        }
        Ok(())
    }

    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>, TargetError> {
        if length > MAX_BODY {
            return Err(TOO_LARGE_BODY);
        }
        self.fill(length).await?;
        let after = self.rest.split_off(length);
        Ok(std::mem::replace(&mut self.rest, after))
    }

    async fn until_closed(&mut self) -> Result<Vec<u8>, TargetError> {
        loop {
            if self.rest.len() > MAX_BODY {
                return Err(TOO_LARGE_BODY);
            }
            if self.read_more().await? == 0 {
                return Ok(std::mem::take(&mut self.rest));
            }
        }
    }

    async fn line(&mut self) -> Result<String, TargetError> {
        /// The size of a chunk and its extensions.
        const MAX_LINE: usize = 1024;
        let mut searched = 0;
        loop {
            if let Some(at) = self.rest[searched..].iter().position(|&byte| byte == b'\n') {
                let line = self.exactly(searched + at + 1).await?;
                return Ok(String::from_utf8_lossy(&line).trim().to_owned());
            }
            searched = self.rest.len();
            if searched > MAX_LINE {
                return Err(TargetError::NotHttp("a chunk without a size".to_owned()));
            }
            self.fill(searched + 1).await?;
        }
    }

    async fn chunked(&mut self, is_last: bool) -> Result<Vec<u8>, TargetError> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| TargetError::NotHttp("a chunk without a size".to_owned()))?;
            if size > MAX_BODY || body.len() + size > MAX_BODY {
                return Err(TOO_LARGE_BODY);
            }
            if size == 0 {
                // The rest matters only if the connection is reused.
                if !is_last {
                    self.trailers().await?;
                }
                return Ok(body);
            }
            body.extend(self.exactly(size).await?);
            self.line().await?;
        }
    }

    async fn trailers(&mut self) -> Result<(), TargetError> {
        for _ in 0..MAX_HEADERS {
            if self.line().await?.is_empty() {
                return Ok(());
            }
        }
        Err(TargetError::TooLarge("body has more than 128 trailers"))
    }
}

const TOO_LARGE_BODY: TargetError = TargetError::TooLarge("body is larger than 4 MiB");

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(wire: &'static [u8]) -> Result<Received, TargetError> {
        Receiver::new(wire).answer(true).await
    }

    #[tokio::test]
    async fn keeps_the_letter_case_of_headers() {
        let wire = b"HTTP/1.1 200 OK\r\nBody-Sign: x\r\ncontent-LENGTH: 2\r\n\r\nok, and more";
        let answer = read(wire).await.unwrap();
        let names: Vec<_> = answer.headers.iter().map(|(name, _)| &**name).collect();
        assert_eq!((answer.status, names), (200, vec!["Body-Sign", "content-LENGTH"]));
        assert_eq!(answer.body, "ok");
    }

    #[tokio::test]
    async fn joins_chunks_and_passes_over_interim_answers() {
        let wire = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
        assert_eq!(read(wire).await.unwrap().body, "abcde");
    }

    #[tokio::test]
    async fn answers_follow_each_other() {
        let wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n\
            HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nb";
        let mut receiver = Receiver::new(&wire[..]);
        let first = receiver.answer(false).await.unwrap();
        assert_eq!((&first.body[..], first.is_followed), (&b"a"[..], true));
        let second = receiver.answer(false).await.unwrap();
        assert_eq!((&second.body[..], second.is_followed), (&b"b"[..], false));
        let close_delimited = read(b"HTTP/1.1 200 OK\r\n\r\nall").await.unwrap();
        assert_eq!((&close_delimited.body[..], close_delimited.is_followed), (&b"all"[..], false));
    }

    #[tokio::test]
    async fn bad_answers_have_names() {
        let kind = |wire| async move { read(wire).await.unwrap_err() };
        assert!(matches!(kind(b"SSH-2.0-OpenSSH\r\n").await, TargetError::NotHttp(_)));
        assert!(matches!(kind(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab").await, TargetError::CutOff(_)));
        assert!(matches!(kind(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab").await, TargetError::NotHttp(_)));
        let huge = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n";
        assert_eq!(kind(huge).await, TOO_LARGE_BODY);
        assert_eq!(kind(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n").await, TOO_LARGE_BODY);
    }

    #[tokio::test]
    async fn endless_answers_are_bounded() {
        let head = b"HTTP/1.1 200 OK\r\n\r\n".as_slice().chain(tokio::io::repeat(b'x'));
        assert_eq!(Receiver::new(Box::pin(head)).answer(true).await.unwrap_err(), TOO_LARGE_BODY);
        let head = b"HTTP/1.1 200 OK\r\nx: ".as_slice().chain(tokio::io::repeat(b'x'));
        let error = Receiver::new(Box::pin(head)).answer(true).await.unwrap_err();
        assert!(matches!(error, TargetError::TooLarge(_)));
    }

    #[test]
    fn a_body_is_sent_as_it_stands_or_in_chunks() {
        let request = Request::post("/x").body(Bytes::from_static(b"abcdefg")).unwrap();
        assert_eq!(body(&request, Framing::Chunked), b"3\r\nabc\r\n3\r\ndef\r\n1\r\ng\r\n0\r\n\r\n");
        assert_eq!(body(&request, Framing::AfterContinue), b"abcdefg");
        let head = |framing| String::from_utf8(head(&request, "h", framing, false)).unwrap();
        assert_eq!(head(Framing::Plain), "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n");
        assert!(head(Framing::AfterContinue).contains("Content-Length: 7\r\nExpect: 100-continue\r\n"));
        assert!(!head(Framing::Chunked).contains("Content-Length"));
    }
}
