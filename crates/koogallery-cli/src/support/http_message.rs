//! A captured HTTP/1.1 message: the text of a request or an answer, as shown by a proxy or a debugging page.

use std::path::Path;

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};
use koogallery_simulator::http1::Chunks;

use crate::Failure;
use crate::support::input;

pub struct Capture {
    /// Method and target; `None` for an answer.
    pub request: Option<(String, String)>,
    /// Names and values as written.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Capture {
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = input::read(path)?;
        Self::parse(&bytes).map_err(|what| Failure::new(format!("{}: {what}", path.display())))
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes).trim_ascii_start();
        let mut lines = Lines(bytes);
        let start = lines.next().ok_or("the file is empty")?;
        let start = str::from_utf8(start).map_err(|_| "line 1 is not UTF-8")?.trim_end();
        let request = match *start.split(' ').collect::<Vec<_>>() {
            [version, ..] if version.starts_with("HTTP/") => None,
            [method, target] | [method, target, _] => Some((method.to_owned(), target.to_owned())),
            _ => return Err("line 1 is neither `METHOD TARGET HTTP/1.1` nor `HTTP/1.1 STATUS`".to_owned()),
        };
        let mut headers = Vec::new();
        for (number, line) in lines.by_ref().enumerate().map(|(index, line)| (index + 2, line)) {
            if line.trim_ascii().is_empty() {
                break;
            }
            let pair = str::from_utf8(line).ok().and_then(|line| line.split_once(':'));
            let (name, value) =
                pair.ok_or_else(|| format!("line {number} is not a header of the form `Name: value`"))?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let body = lines.0.to_vec();
        let mut capture = Self { request, headers, body };
        capture.frame_body();
        Ok(capture)
    }

    /// Limits the body to what the sender sent, without anything that an editor appended.
    fn frame_body(&mut self) {
        if self.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            // Proxies often show the reassembled body, but keep the header.
            if let Some(body) = unchunked(&self.body) {
                self.body = body;
            }
        } else if let Some(length) = self.header("content-length").and_then(|length| length.parse().ok()) {
            self.body.truncate(length);
        }
    }

    /// Returns a header's value, whatever the letter case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn header_map(&self) -> Result<HeaderMap, Failure> {
        header_map(&self.headers)
    }

    /// Returns method and target; fails for an answer.
    pub fn request_line(&self) -> Result<(&str, &str), Failure> {
        let request =
            self.request.as_ref().ok_or_else(|| Failure::new("the captured message is an answer, not a request"))?;
        Ok((&request.0, &request.1))
    }

    /// Returns the raw query string of the request.
    pub fn query(&self) -> Result<&str, Failure> {
        Ok(query_of(self.request_line()?.1))
    }
}

/// Returns the query of an address; any other text is a query itself.
pub fn query_of(text: &str) -> &str {
    if !["http://", "https://", "/", "?"].iter().any(|start| text.starts_with(start)) {
        return text;
    }
    let address = text.split('#').next().unwrap_or_default();
    address.split_once('?').map_or("", |(_, query)| query)
}

pub fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let refused = || Failure::new(format!("{name:?} is not a valid header"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused())?);
    }
    Ok(map)
}

/// Splits off one line after the other, without its end.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|&byte| byte == b'\n').unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix(b"\n").unwrap_or(rest);
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// Returns the body of a chunked message; `None` if it is not chunked.
fn unchunked(chunked: &[u8]) -> Option<Vec<u8>> {
    let mut chunks = Chunks::new(chunked.len());
    chunks.read(&mut BytesMut::from(chunked)).ok()?;
    chunks.is_complete().then(|| chunks.into_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_with_either_line_end() {
        for text in [
            "POST /p?a=1 HTTP/1.1\r\nHost: h\r\nX-Sign : s:1 \r\n\r\n{}\n",
            "\u{feff}\nPOST /p?a=1 HTTP/1.1\nHost: h\nX-Sign: s:1\n\n{}\n",
        ] {
            let capture = Capture::parse(text.as_bytes()).unwrap();
            assert_eq!(capture.request_line().unwrap(), ("POST", "/p?a=1"));
            assert_eq!((capture.query().unwrap(), capture.header("x-sign")), ("a=1", Some("s:1")));
            assert_eq!(capture.body, b"{}\n");
        }
    }

    #[test]
    fn the_body_ends_where_the_sender_ended_it() {
        let body = |text: &str| Capture::parse(text.as_bytes()).unwrap().body;
        assert_eq!(body("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}\n"), b"{}");
        assert_eq!(body("HTTP/1.1 200 OK\nContent-Length: 9\n\n{}"), b"{}");
        assert_eq!(
            body("HTTP/1.1 200\nTransfer-Encoding: chunked\n\n2\r\n{\"\r\n4;x\r\na\":1\r\n1\r\n}\r\n0\r\n\r\n"),
            b"{\"a\":1}"
        );
        assert_eq!(body("HTTP/1.1 200\nTransfer-Encoding: chunked\n\n{}"), b"{}");
        assert_eq!(body("HTTP/1.1 200\nTransfer-Encoding: chunked\n\nffffffffffffffff\n{}"), b"ffffffffffffffff\n{}");
    }

    #[test]
    fn noise_is_refused_or_read_without_a_panic() {
        for text in ["", "\n\n", "one", "POST /p HTTP/1.1 x y", "POST / HTTP/1.1\nno header\n\n"] {
            assert!(Capture::parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(Capture::parse(b"\xff\xfe").is_err());
        for end in 0..40 {
            let _ = Capture::parse(&b"POST /p?a=1 HTTP/1.1\r\nHost: h\r\n\r\n{}"[..end.min(35)]);
        }
    }

    #[test]
    fn queries_of_every_form() {
        for text in ["a=1&b=2", "?a=1&b=2", "/p?a=1&b=2", "https://h/p?a=1&b=2#top"] {
            assert_eq!(query_of(text), "a=1&b=2");
        }
        assert_eq!(query_of("a=what?&b=#"), "a=what?&b=#");
        assert_eq!((query_of("/p"), query_of("https://h/p")), ("", ""));
    }
}
