//! Requests without their hop-by-hop headers, for forwarding.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};

use crate::Failure;

/// A header's name as written, and its value.
pub type Header<'a> = (&'a str, &'a [u8]);

/// Returns the request for a target, which adds the host, and the length of a body that is not empty.
pub fn request(method: &str, target: &str, headers: &[Header<'_>], body: Bytes) -> Result<Request<Bytes>, Failure> {
    let changed = || Failure::new("the address cannot be forwarded unchanged");
    let mut request = Request::builder().method(method).uri(target).body(body).map_err(|_| changed())?;
    let is_same = request.uri().path_and_query().is_some_and(|written| written.as_str() == target);
    if !is_same || !target.starts_with('/') {
        return Err(changed());
    }
    let has_body = !request.body().is_empty();
    for (name, value) in lasting(headers) {
        if name.eq_ignore_ascii_case("host") || has_body && name.eq_ignore_ascii_case("content-length") {
            continue;
        }
        let refused = || Failure::new(format!("the header {name:?} cannot be forwarded unchanged"));
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        request.headers_mut().append(header, HeaderValue::from_bytes(value).map_err(|_| refused())?);
    }
    Ok(request)
}

/// Returns the end-to-end headers (RFC 9110, 7.6.1).
pub fn lasting<'h, 'a>(headers: &'h [Header<'a>]) -> impl Iterator<Item = Header<'a>> + use<'h, 'a> {
    const HOP_BY_HOP: [&str; 6] =
        ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];
    let lists = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
    let listed: Vec<_> = lists
        .flat_map(|(_, value)| {
            String::from_utf8_lossy(value).split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    headers.iter().copied().filter(move |(name, _)| {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        !HOP_BY_HOP.into_iter().any(is) && !listed.iter().any(|other| is(other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: [Header<'static>; 9] = [
        ("Host", b"tunnel.example"),
        ("X-Forwarded-For", b"192.0.2.1"),
        ("CONNECTION", b"close, X-Own"),
        ("X-Own", b"1"),
        ("Keep-Alive", b"5"),
        ("TE", b"trailers"),
        ("Transfer-Encoding", b"chunked"),
        ("authToken", b"a+b="),
        ("Content-Length", b"2"),
    ];

    #[test]
    fn requests_are_handed_on_as_they_are() {
        let target = "/a%20b/?signature=A%2b+&x={'y'}&&";
        let handed_on = |body: &'static [u8]| request("POST", target, &HEADERS, Bytes::from_static(body)).unwrap();
        let names =
            |request: &Request<Bytes>| request.headers().keys().map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(handed_on(b"{}").uri().to_string(), target);
        assert_eq!(names(&handed_on(b"{}")), ["x-forwarded-for", "authtoken"]);
        assert_eq!(names(&handed_on(b"")), ["x-forwarded-for", "authtoken", "content-length"]);
    }

    #[test]
    fn what_would_change_is_refused() {
        for target in ["/a#b", "/a?\"", "http://h/a", "*", "", "a"] {
            assert!(request("POST", target, &[], Bytes::new()).is_err(), "{target}");
        }
        assert!(request("PO ST", "/", &[], Bytes::new()).is_err());
        assert!(request("POST", "/", &[("a b", b"1")], Bytes::new()).is_err());
        assert!(request("POST", "/", &[("a", b"1\r\nb: 2")], Bytes::new()).is_err());
    }
}
