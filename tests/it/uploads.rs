//! Files that are read while they are sent, over a socket.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::Request;
use http::request::Parts;
use koogallery::adapter::tokio::{FileSource, TokioRuntime};
use koogallery::clock::ManualClock;
use koogallery::key::Credentials;
use koogallery::open_api::upload::{PrepareError, Streamed};
use koogallery::open_api::{Client, RetryPolicy, Source};
use koogallery::signature::aksk;
use koogallery::site::Site;
use koogallery::transport::{ReqwestTransport, Transport, TransportError};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::NOW;

const SIZE: usize = 11 * 1024 * 1024 + 7;

fn credentials() -> Credentials {
    Credentials::new("AccessKey", "SecretKey").unwrap()
}

/// A file of `SIZE` bytes that do not repeat in pieces of a power of two.
fn license_file() -> (TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.lic");
    let bytes: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    (folder, path, bytes)
}

struct Received {
    head: Parts,
    body: Vec<u8>,
}

/// Reads one request with its whole body and answers it. `None` where the body breaks off.
fn answer_one(mut stream: TcpStream, status: &str) -> Option<Received> {
    let mut read = Vec::new();
    let mut piece = [0; 64 * 1024];
    let (mut head_end, mut length) = (0, usize::MAX);
    while read.len() - head_end < length {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&piece[..count]);
        let end = read.windows(4).take(8192).position(|window| window == b"\r\n\r\n");
        if let (0, Some(end)) = (head_end, end) {
            head_end = end + 4;
            let head = String::from_utf8(read[..end].to_vec()).unwrap().to_lowercase();
            let (_, rest) = head.split_once("content-length: ").expect("a body of known length");
            length = rest.lines().next().unwrap().parse().unwrap();
        }
    }
    let body = if status == "200 OK" { r#"{"error_code":"CBC.0000"}"# } else { "" };
    let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).unwrap();

    let head = String::from_utf8(read[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut request = Request::post(lines.next().unwrap().split(' ').nth(1).unwrap());
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    Some(Received { head: request.body(()).unwrap().into_parts().0, body: read.split_off(head_end) })
}

/// A marketplace that answers each connection with the next status.
fn marketplace(statuses: &'static [&'static str]) -> (String, JoinHandle<Vec<Option<Received>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = move |status: &&str| answer_one(listener.accept().unwrap().0, status);
    (url, std::thread::spawn(move || statuses.iter().map(answer).collect()))
}

fn client(url: &str, transport: impl Transport, attempts: u32) -> Client {
    let mut policy = RetryPolicy::default();
    (policy.attempts, policy.first_pause) = (attempts, std::time::Duration::from_millis(1));
    let client = Client::builder(Site::China, transport, TokioRuntime).base_url(url.parse().unwrap());
    client.credentials(credentials()).clock(ManualClock::new(NOW)).retry_policy(policy).build().unwrap()
}

/// Signature, parts and hash, as the marketplace checks them.
fn assert_holds(received: &Received, file: &[u8]) {
    let Received { head, body } = received;
    assert_eq!(head.headers["x-sdk-content-sha256"], "UNSIGNED-PAYLOAD");
    assert_eq!(aksk::verify(head, body, &credentials(), NOW), Ok(()));
    let content_type = head.headers["content-type"].to_str().unwrap();
    let (_, boundary) = content_type.split_once("boundary=").unwrap();
    let find = |needle: &[u8]| body.windows(needle.len()).position(|window| window == needle).unwrap();
    let begin = find(b"\r\n\r\n") + 4;
    let sent = &body[begin..][..file.len()];
    assert!(sent == file, "the bytes of the file");
    let rest = String::from_utf8(body[begin + file.len()..].to_vec()).unwrap();
    assert!(rest.starts_with(&format!("\r\n--{boundary}\r\n")) && rest.ends_with(&format!("\r\n--{boundary}--\r\n")));
    let json = &rest[rest.find('{').unwrap()..=rest.rfind('}').unwrap()];
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["sha256"], const_hex::encode(Sha256::digest(sent)));
}

fn prepare(path: &Path) -> impl Future<Output = Result<Streamed, PrepareError>> {
    Streamed::prepare("evt-1", "large.lic", FileSource::new(path))
}

#[test]
fn a_file_arrives_whole_at_every_try_and_is_never_in_memory_as_a_whole() {
    let (_folder, path, bytes) = license_file();
    let (url, received) = marketplace(&["503 Service Unavailable", "200 OK"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let counted = allocation_counter::measure(|| {
        runtime.block_on(async {
            let client = client(&url, ReqwestTransport::new().unwrap(), 2);
            client.upload(&prepare(&path).await.unwrap()).await.unwrap();
        });
    });
    let received: Vec<_> = received.join().unwrap().into_iter().flatten().collect();
    assert_eq!(received.len(), 2);
    received.iter().for_each(|received| assert_holds(received, &bytes));
    assert!(counted.bytes_max < 3 * 1024 * 1024, "{} bytes at once", counted.bytes_max);
}

/// Knows of streams no more than that it may be asked to send one.
struct WholeOnly(ReqwestTransport);

impl Transport for WholeOnly {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> futures_util::future::BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        self.0.send(request)
    }
}

#[tokio::test]
async fn a_transport_that_streams_nothing_sends_the_same() {
    let (_folder, path, bytes) = license_file();
    let (url, received) = marketplace(&["200 OK"]);
    let client = client(&url, WholeOnly(ReqwestTransport::new().unwrap()), 1);
    client.upload(&prepare(&path).await.unwrap()).await.unwrap();
    assert_holds(received.join().unwrap()[0].as_ref().unwrap(), &bytes);
}

#[tokio::test]
async fn what_the_gateway_does_not_take_is_refused_before_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let file = std::fs::File::create(&path).unwrap();
    for length in [12 * 1024 * 1024, 64 * 1024 * 1024] {
        file.set_len(length).unwrap();
        assert!(matches!(prepare(&path).await, Err(PrepareError::TooLarge)), "{length}");
    }
    file.set_len(12 * 1024 * 1024 - 2048).unwrap();
    assert!(prepare(&path).await.is_ok());
    assert!(matches!(prepare(&folder.path().join("missing")).await, Err(PrepareError::Read(_))));
    assert!(matches!(prepare(folder.path()).await, Err(PrepareError::Read(_))), "a folder");

    /// A source without an end is not read to its end.
    struct Endless;

    impl Source for Endless {
        fn chunks(&self) -> BoxStream<'static, std::io::Result<Bytes>> {
            futures_util::stream::repeat_with(|| Ok(Bytes::from_static(&[0; 65536]))).boxed()
        }
    }

    assert!(matches!(Streamed::prepare("evt-1", "x", Endless).await, Err(PrepareError::TooLarge)));
}

#[tokio::test]
async fn a_file_that_changed_is_not_sent_as_a_whole() {
    for length in [SIZE - 1, SIZE + 1, 0] {
        let (_folder, path, _) = license_file();
        let (url, received) = marketplace(&["200 OK"]);
        let upload = prepare(&path).await.unwrap();
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length as u64).unwrap();
        let error = client(&url, ReqwestTransport::new().unwrap(), 1).upload(&upload).await.unwrap_err();
        assert!(format!("{error:?}").contains("another length"), "{error:?}");
        assert!(received.join().unwrap()[0].is_none(), "nothing that could be taken for a whole request");
    }
}
