//! A target behind a URL, by a small HTTP/1.1 client of our own: no client crate tells in which letter case a header
//! arrived, and a checker must survive whatever the other side sends.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Uri};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::target::{Answer, Target, TargetError};

const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;
const MAX_BODY: usize = 4 * 1024 * 1024;

/// An endpoint at an `http` URL. Every call has a connection of its own; no redirect is followed; an answer has 10 seconds,
/// 64 KiB of head and 4 MiB of body.
///
/// `https` is not spoken yet: check the server behind its proxy, or through a local one that ends TLS.
#[derive(Clone, Debug)]
pub struct HttpTarget {
    host: String,
    port: u16,
    authority: String,
    path: String,
}

/// Why a URL was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetUrlError {
    /// It is no absolute URL.
    #[error("the address is no URL like http://127.0.0.1:8080/saasproduce")]
    NotAUrl,
    /// TLS is not spoken.
    #[error("https is not spoken by the checker yet; give the http address behind the TLS proxy")]
    Https,
    /// The marketplace adds the query.
    #[error("the address has a query, which the marketplace would replace")]
    Query,
}

impl HttpTarget {
    /// The endpoint at a URL.
    ///
    /// # Errors
    ///
    /// The text is no `http` URL without a query.
    pub fn new(url: &str) -> Result<Self, TargetUrlError> {
        let uri: Uri = url.parse().map_err(|_| TargetUrlError::NotAUrl)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(TargetUrlError::Https),
            _ => return Err(TargetUrlError::NotAUrl),
        }
        if uri.query().is_some() {
            return Err(TargetUrlError::Query);
        }
        let authority = uri.authority().ok_or(TargetUrlError::NotAUrl)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self { host, port, authority: authority.to_string(), path: uri.path().to_owned() })
    }

    async fn exchange(&self, request: &Request<Bytes>) -> Result<Answer, TargetError> {
        let began = Instant::now();
        let mut stream = self.connect().await?;
        let cut_off = |error: std::io::Error| TargetError::CutOff(error.to_string());
        // A server may answer before it has read everything, and close; its answer counts all the same.
        let sent = stream.write_all(&written(request, &self.authority)).await;
        let received = receive(&mut stream).await;
        let (status, headers, body) = match (sent, received) {
            (_, Ok(received)) => received,
            (Err(error), Err(_)) => return Err(cut_off(error)),
            (Ok(()), Err(error)) => return Err(error),
        };
        Ok(Answer::from_wire(status, headers, body, began.elapsed()))
    }

    async fn connect(&self) -> Result<TcpStream, TargetError> {
        let addresses = lookup_host((&*self.host, self.port)).await.map_err(|e| TargetError::Dns(e.to_string()))?;
        let mut last = TargetError::Dns("no address".to_owned());
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = TargetError::Connect(error.to_string()),
            }
        }
        Err(last)
    }
}

impl Target for HttpTarget {
    async fn call(&self, request: Request<Bytes>) -> Result<Answer, TargetError> {
        timeout(TIMEOUT, self.exchange(&request)).await.unwrap_or(Err(TargetError::Timeout(TIMEOUT)))
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn is_local(&self) -> bool {
        match self.host.parse() {
            Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
            Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    fn name(&self) -> String {
        format!("http://{}{}", self.authority, self.path)
    }
}

fn written(request: &Request<Bytes>, authority: &str) -> Vec<u8> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut bytes =
        format!("{} {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n", request.method()).into_bytes();
    for (name, value) in request.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    if !request.body().is_empty() {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", request.body().len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(request.body());
    bytes
}

type Received = (u16, Vec<(String, String)>, Bytes);

/// Reads one answer, never more of it than the limits allow.
async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Result<Received, TargetError> {
    let mut buffer = Vec::with_capacity(8 * 1024);
    let (status, headers, head_length) = loop {
        if let Some(head) = parse_head(&buffer)? {
            // An interim answer stands before the real one.
            if (100..200).contains(&head.0) {
                buffer.drain(..head.2);
                continue;
            }
            break head;
        }
        if buffer.len() >= MAX_HEAD {
            return Err(TargetError::TooLarge("head is larger than 64 KiB"));
        }
        if read_more(stream, &mut buffer).await? == 0 {
            return Err(TargetError::CutOff("closed before the end of the head".to_owned()));
        }
    };
    let mut body = Body { stream, rest: buffer.split_off(head_length) };
    let header = |wanted: &str| {
        headers
            .iter()
            .find(|(name, _): &&(String, String)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| &**value)
    };
    let is_chunked = header("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"));
    let bytes = match header("content-length") {
        _ if matches!(status, 204 | 304) => Vec::new(),
        _ if is_chunked => body.chunked().await?,
        Some(length) => {
            let length =
                length.trim().parse().map_err(|_| TargetError::NotHttp("a length that is no number".into()))?;
            body.exactly(length).await?
        }
        None => body.until_closed().await?,
    };
    Ok((status, headers, bytes.into()))
}

async fn read_more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Result<usize, TargetError> {
    stream.read_buf(buffer).await.map_err(|error| TargetError::CutOff(error.to_string()))
}

type Head = (u16, Vec<(String, String)>, usize);

fn parse_head(buffer: &[u8]) -> Result<Option<Head>, TargetError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let headers = response.headers.iter().map(|header| (header.name.to_owned(), text(header.value)));
            Ok(Some((response.code.unwrap_or_default(), headers.collect(), length)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(TargetError::TooLarge("head has more than 128 headers")),
        Err(error) => Err(TargetError::NotHttp(error.to_string())),
    }
}

struct Body<'s, S> {
    stream: &'s mut S,
    /// Read and not used yet.
    rest: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Body<'_, S> {
    async fn fill(&mut self, length: usize) -> Result<(), TargetError> {
        while self.rest.len() < length {
            if read_more(self.stream, &mut self.rest).await? == 0 {
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
            if read_more(self.stream, &mut self.rest).await? == 0 {
                return Ok(std::mem::take(&mut self.rest));
            }
        }
    }

    async fn line(&mut self) -> Result<String, TargetError> {
        /// A chunk's size and its extensions.
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

    async fn chunked(&mut self) -> Result<Vec<u8>, TargetError> {
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
                return Ok(body);
            }
            body.extend(self.exactly(size).await?);
            self.line().await?;
        }
    }
}

const TOO_LARGE_BODY: TargetError = TargetError::TooLarge("body is larger than 4 MiB");

/// Gets a small document; for probes.
pub(super) async fn get(target: &HttpTarget) -> Result<Answer, TargetError> {
    let request = Request::get(target.path()).body(Bytes::new()).map_err(|e| TargetError::NotHttp(e.to_string()))?;
    Target::call(target, request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(wire: &'static [u8]) -> Result<Received, TargetError> {
        receive(&mut &*wire).await
    }

    #[tokio::test]
    async fn keeps_the_letter_case_of_headers() {
        let wire = b"HTTP/1.1 200 OK\r\nBody-Sign: x\r\ncontent-LENGTH: 2\r\n\r\nok, and more";
        let (status, headers, body) = read(wire).await.unwrap();
        assert_eq!((status, &headers[0].0[..], &headers[1].0[..]), (200, "Body-Sign", "content-LENGTH"));
        assert_eq!(body, "ok");
    }

    #[tokio::test]
    async fn joins_chunks_and_passes_over_interim_answers() {
        let wire = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
        assert_eq!(read(wire).await.unwrap().2, "abcde");
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
        assert_eq!(receive(&mut Box::pin(head)).await.unwrap_err(), TOO_LARGE_BODY);
        let head = b"HTTP/1.1 200 OK\r\nx: ".as_slice().chain(tokio::io::repeat(b'x'));
        assert!(matches!(receive(&mut Box::pin(head)).await.unwrap_err(), TargetError::TooLarge(_)));
    }

    #[test]
    fn urls_are_absolute_and_plain() {
        assert_eq!(HttpTarget::new("https://a.example/x").unwrap_err(), TargetUrlError::Https);
        assert_eq!(HttpTarget::new("/x").unwrap_err(), TargetUrlError::NotAUrl);
        assert_eq!(HttpTarget::new("http://a.example/?x=1").unwrap_err(), TargetUrlError::Query);
        assert!(HttpTarget::new("http://[::1]:8080/x").unwrap().is_local());
        assert!(!HttpTarget::new("http://example.com/x").unwrap().is_local());
    }
}
