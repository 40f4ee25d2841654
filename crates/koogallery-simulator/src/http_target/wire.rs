//! HTTP/1.1 requests as bytes.

use bytes::Bytes;
use http::Request;

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

#[cfg(test)]
mod tests {
    use super::*;

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
