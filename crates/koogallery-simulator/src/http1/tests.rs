use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::ReadBuf;

use super::*;

const LIMIT: usize = 4 * 1024 * 1024;

/// Arrives in pieces of these sizes, again and again.
struct Pieces<'a>(&'a [u8], std::iter::Cycle<std::slice::Iter<'a, usize>>);

impl<'a> Pieces<'a> {
    fn new(bytes: &'a [u8], sizes: &'a [usize]) -> Self {
        Self(bytes, sizes.iter().cycle())
    }
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let size = self.1.next().copied().unwrap_or(1).clamp(1, out.remaining()).min(self.0.len());
        let (piece, rest) = self.0.split_at(size);
        out.put_slice(piece);
        self.0 = rest;
        Poll::Ready(Ok(()))
    }
}

fn response(wire: &[u8]) -> Result<Response, ReadError> {
    Reader::new(wire, LIMIT).response(true).now_or_never().unwrap()
}

async fn read_request(stream: impl AsyncRead + Unpin) -> Result<Option<(RequestHead, Bytes)>, ReadError> {
    let mut reader = Reader::new(stream, LIMIT);
    let Some(head) = reader.request_head().await? else { return Ok(None) };
    let body = reader.request_body(&head).await?;
    Ok(Some((head, body)))
}

fn request(stream: impl AsyncRead + Unpin) -> Result<Option<(RequestHead, Bytes)>, ReadError> {
    read_request(stream).now_or_never().unwrap()
}

#[test]
fn the_letter_case_of_headers_is_kept() {
    let answer = response(b"HTTP/1.1 200 OK\r\nBody-Sign: x\r\ncontent-LENGTH: 2\r\n\r\nok, and more").unwrap();
    let names: Vec<_> = answer.head.headers.iter().map(|(name, _)| name).collect();
    assert_eq!((answer.head.status, names), (200, vec!["Body-Sign", "content-LENGTH"]));
    assert_eq!(answer.body, "ok");
    let wire = b"POST /p?a=%2b HTTP/1.1\r\nX-Sign: S\r\ncontent-length: 2\r\n\r\n{}more";
    let (head, body) = request(&wire[..]).unwrap().unwrap();
    assert_eq!(
        (&*head.method, &*head.target, head.headers.iter().next()),
        ("POST", "/p?a=%2b", Some(("X-Sign", &b"S"[..])))
    );
    assert_eq!(body, "{}");
}

#[test]
fn chunks_are_joined_and_interim_answers_passed_over() {
    let wire = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
    assert_eq!(response(wire).unwrap().body, "abcde");
    let wire = b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\nt: 1\r\n\r\n";
    assert_eq!(request(&wire[..]).unwrap().unwrap().1, "abc");
}

#[test]
fn messages_follow_each_other() {
    let wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n\
        HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nb";
    let mut reader = Reader::new(&wire[..], LIMIT);
    let first = reader.response(false).now_or_never().unwrap().unwrap();
    assert_eq!((&first.body[..], first.is_followed), (&b"a"[..], true));
    let second = reader.response(false).now_or_never().unwrap().unwrap();
    assert_eq!((&second.body[..], second.is_followed), (&b"b"[..], false));
    let close_delimited = response(b"HTTP/1.1 200 OK\r\n\r\nall").unwrap();
    assert_eq!((&close_delimited.body[..], close_delimited.is_followed), (&b"all"[..], false));
    assert!(request(&b""[..]).unwrap().is_none());
    assert!(request(&b"GET / HTTP/1.1\r\n\r\n"[..]).unwrap().unwrap().1.is_empty());
}

#[test]
fn bad_answers_have_names() {
    let error = |wire: &[u8]| response(wire).unwrap_err();
    assert!(matches!(error(b"SSH-2.0-OpenSSH\r\n"), ReadError::NotHttp(_)));
    assert!(matches!(error(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), ReadError::CutOff(_)));
    assert_eq!(error(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab"), ReadError::AmbiguousLength);
    assert_eq!(error(b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab"), ReadError::AmbiguousLength);
    let chunk = |chunk: &[u8]| error(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk].concat());
    assert_eq!(chunk(b"ffffffff\r\n"), ReadError::BodyTooLarge(LIMIT));
    assert_eq!(chunk(b"fffffffffffffffffffffff\r\n"), ReadError::BodyTooLarge(LIMIT));
    for odd in [&b"x\r\n"[..], b"\r\n", b"+1\r\na\r\n", b"-1\r\n", b"1\r\nab\r\n", b"0x1\r\na\r\n"] {
        assert_eq!(chunk(odd), ReadError::NotChunked, "{}", String::from_utf8_lossy(odd));
    }
    assert_eq!(error(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"), ReadError::BodyTooLarge(LIMIT));
}

#[test]
fn a_length_that_can_be_read_in_two_ways_is_refused() {
    for headers in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3\r\nContent-Length: 3",
        "Content-Length: 3, 3",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Content-Length:",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, chunked",
    ] {
        let wire = format!("POST / HTTP/1.1\r\n{headers}\r\n\r\nabcd");
        assert_eq!(request(wire.as_bytes()).unwrap_err(), ReadError::AmbiguousLength, "{headers}");
    }
}

#[tokio::test]
async fn endless_messages_are_bounded() {
    async fn error(begin: &[u8], repeated: u8) -> ReadError {
        let stream = Box::pin(begin.chain(tokio::io::repeat(repeated)));
        Reader::new(stream, LIMIT).response(false).await.unwrap_err()
    }
    assert_eq!(error(b"HTTP/1.1 200 OK\r\n\r\n", b'x').await, ReadError::BodyTooLarge(LIMIT));
    assert_eq!(error(b"HTTP/1.1 200 OK\r\nx: ", b'x').await, ReadError::HeadTooLarge);
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(error(chunked, b'1').await, ReadError::NotChunked);
    let headers = "x: y\r\n".repeat(129);
    let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
    assert_eq!(error(head.as_bytes(), b'x').await, ReadError::TooManyHeaders("head"));
    let trailers = [chunked, b"0\r\n".as_slice(), headers.as_bytes()].concat();
    assert_eq!(error(&trailers, b'x').await, ReadError::TooManyHeaders("body"));
}

proptest! {
    /// Whatever arrives, in whatever pieces, gives the same message or the same error.
    #[test]
    fn noise_gives_the_same_result_in_any_pieces(
        start in prop::sample::select(vec![
            "", "HTTP/1.1 200 OK\r\n", "HTTP/1.0 200\r\n", "POST / HTTP/1.1\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ]),
        noise in vec(prop_oneof![any::<u8>(), prop::sample::select(b"\r\n\r\n:;0123f ".to_vec())], 0..200),
        sizes in vec(1..9_usize, 1..5),
    ) {
        let wire = [start.as_bytes(), &noise].concat();
        let whole = request(&wire[..]);
        prop_assert_eq!(request(Pieces::new(&wire, &sizes)), whole);
        let pieces = Reader::new(Pieces::new(&wire, &sizes), LIMIT).response(false).now_or_never().unwrap();
        let whole = Reader::new(&wire[..], LIMIT).response(false).now_or_never().unwrap();
        prop_assert_eq!(pieces.map(|read| (read.head, read.body)), whole.map(|read| (read.head, read.body)));
    }

    #[test]
    fn bodies_arrive_as_sent(
        chunks in vec(vec(any::<u8>(), 1..40), 0..6),
        sizes in vec(1..50_usize, 1..5),
        is_chunked in any::<bool>(),
        follows in vec(any::<u8>(), 0..9),
    ) {
        let body = chunks.concat();
        let (framing, sent) = if is_chunked {
            let mut sent: Vec<u8> = chunks
                .iter()
                .flat_map(|chunk| [format!("{:X}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
                .collect();
            sent.extend_from_slice(b"0\r\n\r\n");
            ("Transfer-Encoding: chunked".to_owned(), sent)
        } else {
            (format!("Content-Length: {}", body.len()), body.clone())
        };
        let wire = [format!("POST /p HTTP/1.1\r\nX-a: b\r\n{framing}\r\n\r\n").as_bytes(), &sent, &follows].concat();
        let mut reader = Reader::new(Pieces::new(&wire, &sizes), LIMIT);
        let head = reader.request_head().now_or_never().unwrap().unwrap().unwrap();
        let read = reader.request_body(&head).now_or_never().unwrap().unwrap();
        prop_assert_eq!(&read[..], &body[..]);
        let rest = reader.first_bytes(follows.len()).now_or_never().unwrap().unwrap();
        prop_assert_eq!(rest, follows);
    }
}
