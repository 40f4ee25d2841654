//! Endpoints that handle their connections in one way or another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Method, Request, Response};
use koogallery::callback::CallbackService;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::protocol::Protocol;
use koogallery::signature::callback_v2;
use koogallery_simulator::{Checker, HttpTarget, LedgerProbe, Outcome, Profile, Report};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::good::{self, Good};

/// What a small server does otherwise than others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Way {
    #[default]
    Usual,
    /// Closes after each answer, and says so.
    ClosesAndSaysSo,
    /// Closes after each answer.
    Closes,
    /// Sends more than it says.
    SendsMore,
    /// Sends other answers to those who can unpack.
    Compresses,
    /// Waits for bodies without asking.
    IgnoresExpect,
    /// Knows no expectations.
    RefusesExpect,
    /// Wants the length of a body.
    WantsLength,
    /// Serves one connection after the other.
    OneByOne,
}

struct Head {
    lines: Vec<String>,
}

impl Head {
    async fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(stream.read_u8().await.ok()?);
        }
        Some(Self { lines: String::from_utf8(bytes).ok()?.lines().map(str::to_owned).collect() })
    }

    fn get(&self, wanted: &str) -> Option<&str> {
        let headers = self.lines.iter().filter_map(|line| line.split_once(": "));
        headers.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value).next()
    }
}

async fn chunked(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await.ok()?);
        }
        let size = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).await.ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

/// What comes after the answer goes out with it.
async fn answer(
    stream: &mut BufReader<TcpStream>,
    status: &str,
    header: &str,
    body: &[u8],
    after: &[u8],
) -> Option<()> {
    let head = format!("HTTP/1.1 {status}\r\n{header}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body, after].concat()).await.ok()
}

/// One request and its answer; `None` where the connection has to end.
async fn exchange(stream: &mut BufReader<TcpStream>, service: &CallbackService, way: Way) -> Option<()> {
    let head = Head::read(stream).await?;
    if head.get("expect").is_some() {
        match way {
            Way::IgnoresExpect => {}
            Way::RefusesExpect => {
                answer(stream, "417 Expectation Failed", "Connection: close\r\n", b"", b"").await?;
                return None;
            }
            _ => stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?,
        }
    }
    let body = match head.get("content-length").map(str::parse) {
        Some(length) => {
            let mut body = vec![0; length.ok()?];
            stream.read_exact(&mut body).await.ok()?;
            body
        }
        None if head.get("transfer-encoding").is_none() => Vec::new(),
        None if way == Way::WantsLength => {
            answer(stream, "411 Length Required", "Connection: close\r\n", b"", b"").await?;
            return None;
        }
        None => chunked(stream).await?,
    };
    let mut start = head.lines[0].split(' ');
    let mut request = Request::builder().method(start.next()?).uri(start.next()?);
    for name in ["content-type", "accept"] {
        if let Some(value) = head.get(name) {
            request = request.header(name, value);
        }
    }
    let response = service.call(request.body(Bytes::from(body)).ok()?).await;
    let mut headers = String::new();
    for (name, value) in response.headers().iter().filter(|(name, _)| *name != "content-length") {
        let name = if name == "body-sign" { "Body-Sign" } else { name.as_str() };
        headers.push_str(&format!("{name}: {}\r\n", value.to_str().ok()?));
    }
    if way == Way::Compresses && head.get("accept-encoding").is_some() {
        headers.push_str("Content-Encoding: gzip\r\n");
    }
    if way == Way::ClosesAndSaysSo {
        headers.push_str("Connection: close\r\n");
    }
    let status = response.status().to_string();
    let after: &[u8] = if way == Way::SendsMore { b"\n" } else { b"" };
    answer(stream, &status, &headers, response.body(), after).await?;
    let closes = matches!(way, Way::Closes | Way::ClosesAndSaysSo) || head.get("connection") == Some("close");
    (!closes).then_some(())
}

async fn serve(way: Way, service: CallbackService) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/produce", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            let serving = async move {
                let mut stream = BufReader::new(stream);
                while exchange(&mut stream, &service, way).await.is_some() {}
                // Let the client read to the end.
                let _ = stream.shutdown().await;
            };
            match way {
                Way::OneByOne => serving.await,
                _ => drop(tokio::spawn(serving)),
            }
        }
    });
    url
}

async fn check(way: Way, profile: impl Into<Profile>, timing: bool) -> Report {
    let good = Good::new();
    let url = serve(way, good.service).await;
    let checker = Checker::new(HttpTarget::new(&url).unwrap(), good::keys()).with_profile(profile);
    checker.with_probe(LedgerProbe::new(good.ledger)).with_timing_checks(timing).run().await.unwrap()
}

fn cause<'r>(report: &'r Report, id: &str) -> &'r str {
    let result = report.results.iter().find(|result| result.check.id == id).unwrap();
    match &result.outcome {
        Outcome::Failed(failure) => &failure.cause,
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
async fn every_way_with_connections_is_distinguished() {
    let ways: [(Way, &[&str], &str); 7] = [
        (Way::Usual, &[], ""),
        (Way::Closes, &["R6"], "without announcing it"),
        (Way::SendsMore, &["R6"], "longer than its Content-Length"),
        (Way::Compresses, &["R8"], "compressed for clients"),
        (Way::IgnoresExpect, &["R8"], "is ignored"),
        (Way::RefusesExpect, &["R8"], "not supported"),
        (Way::WantsLength, &["R8"], "known length"),
    ];
    for (way, fails, wanted) in ways {
        let report = check(way, Protocol::SaasV2, false).await;
        assert_eq!(report.failed_ids(), fails, "{way:?}: {}", report.to_text(false));
        for id in fails {
            assert!(cause(&report, id).contains(wanted), "{way:?}: {}", cause(&report, id));
        }
    }
    // Calls without a body are known by their answers alone.
    let report = check(Way::Compresses, Protocol::SaasV1, false).await;
    assert_eq!(report.failed_ids(), ["R8"], "{}", report.to_text(false));
}

#[tokio::test]
async fn who_closes_and_says_so_passes() {
    let report = check(Way::ClosesAndSaysSo, Protocol::SaasV2, false).await;
    assert_eq!(report.failed_ids(), [""; 0], "{}", report.to_text(false));
    assert!(report.to_text(false).contains("closes the connection after each answer, and says so"));
}

#[tokio::test]
async fn who_waits_for_slow_senders_is_found() {
    let report = check(Way::OneByOne, Protocol::SaasV2, true).await;
    assert_eq!(report.failed_ids(), ["D5"], "{}", report.to_text(false));
    let report = check(Way::Usual, Protocol::SaasV2, true).await;
    assert_eq!(report.failed_ids(), [""; 0], "{}", report.to_text(false));
}

/// A receiver in process, spoiled by what it does before the good one is asked.
async fn spoiled(spoil: impl Fn(&Request<Bytes>) -> Option<Response<Bytes>> + Send + Sync + 'static) -> Report {
    let good = Good::new();
    let (service, spoil) = (good.service, Arc::new(spoil));
    let handler = move |request: Request<Bytes>| {
        let (service, spoil) = (service.clone(), Arc::clone(&spoil));
        async move {
            match spoil(&request) {
                Some(response) => response,
                None => service.call(request).await,
            }
        }
        .boxed()
    };
    Checker::new(handler, good::keys()).with_timing_checks(true).run().await.unwrap()
}

fn signature(request: &Request<Bytes>) -> Option<&str> {
    request.uri().query()?.split('&').find_map(|pair| pair.strip_prefix("signature="))
}

#[tokio::test]
async fn who_answers_now_this_now_that_is_found() {
    let count = AtomicU32::new(0);
    let report = spoiled(move |request| {
        let is_probe = request.method() == Method::POST && signature(request).is_none();
        let is_third = is_probe && count.fetch_add(1, Ordering::Relaxed) % 3 == 2;
        is_third.then(|| Response::builder().status(503).body(Bytes::new()).unwrap())
    })
    .await;
    assert!(report.failed_ids().contains(&"R7"), "{}", report.to_text(false));
    assert!(cause(&report, "R7").contains("differently at different times"));
}

#[tokio::test]
async fn a_comparison_that_anybody_can_measure_is_found() {
    let key = AccessKey::new(good::KEY).unwrap();
    let report = spoiled(move |request| {
        let query = request.uri().query()?;
        let part = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let right = callback_v2::sign(&key, part("nonce")?, part("timestamp")?, request.body()).to_uppercase();
        let shared = right.bytes().zip(signature(request)?.bytes()).take_while(|(a, b)| a == b).count();
        if shared < 64 {
            std::thread::sleep(Duration::from_micros(100) * shared as u32);
        }
        None
    })
    .await;
    assert_eq!(report.failed_ids(), ["X15"], "{}", report.to_text(false));
    assert!(cause(&report, "X15").contains("character by character"));
    assert!(report.is_ok(), "it is for information");
}

fn two_keys() -> AccessKeys {
    let first = AccessKey::new("first-generation-0123").unwrap();
    good::keys().with(InterfaceType::V1, first).unwrap()
}

#[tokio::test]
async fn a_key_is_good_for_its_generation() {
    for profile in [Protocol::SaasV2, Protocol::SaasV1] {
        // Both are served, each with its key.
        let good = Good::with_keys(two_keys());
        let report = Checker::new(good.service, two_keys()).with_profile(profile).run().await.unwrap();
        assert_eq!(report.failed_ids(), [""; 0], "{}", report.to_text(false));
        assert!(report.to_text(false).contains("are served too here"), "{}", report.to_text(false));

        // One key for both, where two were agreed on.
        let this = if profile == Protocol::SaasV2 { InterfaceType::Basic } else { InterfaceType::V1 };
        let one = two_keys().get(this).unwrap().clone();
        let both = AccessKeys::new().with(InterfaceType::Basic, one.clone()).unwrap();
        let good = Good::with_keys(both.with(InterfaceType::V1, one).unwrap());
        let report = Checker::new(good.service, two_keys()).with_profile(profile).run().await.unwrap();
        assert_eq!(report.failed_ids(), ["X20"], "{}", report.to_text(false));
    }
}

/// As where V2.0 was added beside V1.0 later, with another program.
#[tokio::test]
async fn the_other_generation_may_be_unknown() {
    let good = Good::with_keys(two_keys());
    let handler = move |request: Request<Bytes>| {
        let service = good.service.clone();
        async move {
            match *request.method() {
                Method::GET => Response::builder().status(405).body(Bytes::new()).unwrap(),
                _ => service.call(request).await,
            }
        }
    };
    let report = Checker::new(handler, two_keys()).run().await.unwrap();
    assert_eq!(report.failed_ids(), [""; 0], "{}", report.to_text(false));
    assert!(report.to_text(false).contains("are not served here"), "{}", report.to_text(false));
}
