//! Targets that are not what they should be: a clear outcome, in bounded time and memory.

use std::time::{Duration, Instant};

use koogallery_simulator::{Checker, HttpTarget, Outcome, Report};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::good::{self, Good};
use koogallery::adapter::tower::Endpoint;
use koogallery::protocol::Protocol;

/// Serves every connection in this way, and checks what comes of it.
async fn check<Fut: Future<Output = ()> + Send + 'static>(serve: fn(TcpStream) -> Fut) -> Report {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/produce", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    Checker::new(HttpTarget::new(&url).unwrap(), good::keys()).run().await.unwrap()
}

async fn say(mut stream: TcpStream, head: &str, body: &[u8]) {
    let mut request = vec![0; 8192];
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(&[head.as_bytes(), b"\r\n\r\n", body].concat()).await;
}

fn outcome<'r>(report: &'r Report, id: &str) -> &'r Outcome {
    &report.results.iter().find(|result| result.check.id == id).unwrap().outcome
}

fn failure(report: &Report, id: &str) -> String {
    match outcome(report, id) {
        Outcome::Failed(failure) => format!("{} / {}", failure.got, failure.cause),
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
async fn no_one_there() {
    let target = HttpTarget::new("http://127.0.0.1:1/produce").unwrap();
    let report = Checker::new(target, good::keys()).run().await.unwrap();
    assert!(!report.is_ok());
    assert!(failure(&report, "R1").contains("unreachable from here"), "{}", report.to_text(false));
    assert!(matches!(outcome(&report, "X1"), Outcome::NotRun { .. }));
}

#[tokio::test]
async fn no_such_host() {
    let target = HttpTarget::new("http://koogallery.invalid/produce").unwrap();
    let report = Checker::new(target, good::keys()).run().await.unwrap();
    assert!(failure(&report, "R1").contains("cannot be resolved"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let report =
        check(|stream| say(stream, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0", b""))
            .await;
    assert!(failure(&report, "R5").contains("302 to http://127.0.0.1:1/"));
}

#[tokio::test]
async fn what_is_not_http_is_named() {
    let report = check(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await;
    })
    .await;
    assert!(failure(&report, "R1").contains("not HTTP"));
}

#[tokio::test]
async fn compressed_answers_are_not_unpacked() {
    let report = check(|stream| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4", b"\x1f\x8b\x08\0")
    })
    .await;
    assert!(failure(&report, "R8").contains("gzip"));
}

#[tokio::test]
async fn what_a_stranger_sends_does_not_reach_the_terminal() {
    let report = check(|stream| say(stream, "HTTP/1.1 200 OK\r\nConnection: close", b"\x1b[2J\x07pwned")).await;
    let text = report.to_text(false);
    assert!(text.contains("pwned") && !text.contains(['\x1b', '\x07']), "{text}");
}

#[tokio::test]
async fn a_hundred_megabytes_are_not_read() {
    let began = Instant::now();
    let report = check(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let block = vec![b'x'; 1 << 20];
        for _ in 0..100 {
            if stream.write_all(&block).await.is_err() {
                return;
            }
        }
    })
    .await;
    assert!(failure(&report, "R1").contains("larger than 4 MiB"));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_target_that_hangs_is_given_up() {
    let began = Instant::now();
    let report = check(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    assert!(failure(&report, "A1").contains("hangs"));
    assert!(began.elapsed() < Duration::from_secs(15), "one call, not one per check");
}

/// As axum's own server does it, with any router.
#[tokio::test]
async fn a_header_in_small_letters_is_found() {
    let good = Good::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/produce", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback_service(Endpoint::new(good.service));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let checker = Checker::new(HttpTarget::new(&url).unwrap(), good::keys());
    let report = checker.with_profile(Protocol::SaasV1).run().await.unwrap();
    assert_eq!(report.failed_ids(), ["F4"], "{}", report.to_text(false));
    assert!(failure(&report, "F4").contains("body-sign"));
}
