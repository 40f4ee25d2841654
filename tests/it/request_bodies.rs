//! Request bodies: refused by their heads where that can be, within a limit for each and a budget for all of them.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request, Response};
use koogallery::adapter::axum::route;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tower::Endpoint;
use koogallery::callback::{CallbackService, CallbackServiceBuilder};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::signature::{callback_v2, kit_v2};
use koogallery::timestamp::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::sockets::{head, post_bytes, split, start, start_actix, talk};
use crate::support::*;
use crate::{kit, process};

/// A query that could be signed: only the key knows better.
fn plausible() -> String {
    format!("signature={}&timestamp={}&nonce={}", "0".repeat(64), NOW.as_unix_millis(), nonce())
}

/// The lines of a Kit call's head that could be signed.
fn kit_lines(time: Timestamp) -> String {
    kit_v2::signed_headers(&key(), &nonce(), time, b"{}").map(|(name, value)| format!("{name}: {value}\r\n")).concat()
}

fn kit_head(message: &str, lines: &str, length: usize) -> String {
    format!(
        "POST /isv/produceAPI/{message} HTTP/1.1\r\nHost: isv.example.com\r\n{lines}Content-Length: {length}\r\n\r\n"
    )
}

fn old(query: &str) -> String {
    query.replace(&NOW.as_unix_millis().to_string(), &(NOW.as_unix_millis() - 61_000).to_string())
}

/// Heads that are refused by themselves.
fn hopeless(stage: &Stage) -> Vec<Request<Bytes>> {
    let post = |query: &str| post_request(query, "{}");
    let kit = |path: &str, headers: &[(&'static str, &str)]| {
        let mut request = post_request("", "{}");
        *request.uri_mut() = format!("/isv/produceAPI/{path}").parse().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
        }
        request
    };
    let right = plausible();
    let [sign, time, nonce] = kit_v2::signed_headers(&key(), "n", NOW, b"{}");
    let late = (NOW.as_unix_millis() + 61_000).to_string();
    let get = |query: &str| {
        let mut request = get_request(query);
        request.headers_mut().insert("content-length", HeaderValue::from_static("2"));
        request
    };
    let v1 = stage.signed(&v1_purchase("CS1", "b"));
    let (v1_before, v1_token) = v1.split_once("&authToken=").unwrap();
    vec![
        post(""),
        post("signature=&timestamp=1&nonce=n"),
        post(&right.replace("&nonce", "&nonsense")),
        post(&right.replace("signature=0", "signature=x")),
        post(&right.replace("timestamp=1", "timestamp=x")),
        post(&format!("{right}&nonce=again")),
        post(&format!("{right}{}", "9".repeat(200))),
        post(&old(&right)),
        get(""),
        get(v1_before),
        get(&format!("{v1_before}&authToken=")),
        get(&format!("{v1_before}&authToken=%ff")),
        get(&v1.replace("timeStamp=2025", "timeStamp=2024")),
        get(&v1.replace("timeStamp=2025", "timeStamp=x")),
        get(&format!("authToken={v1_token}")),
        kit("v2/authSync", &[]),
        kit("v2/authSync", &[(time.0, &time.1), (nonce.0, &nonce.1)]),
        kit("v2/authSync", &[(sign.0, &sign.1), (time.0, &late), (nonce.0, &nonce.1)]),
        kit("v2/authSync", &[(sign.0, &sign.1), (sign.0, &sign.1), (time.0, &time.1), (nonce.0, &nonce.1)]),
        kit("authSync", &[]),
        kit("authSync", &[("authtoken", "short")]),
        Request::delete("/saasproduce").body(Bytes::new()).unwrap(),
    ]
}

fn written(response: &Response<Bytes>) -> String {
    format!("{response:?}")
}

#[tokio::test]
async fn a_head_that_is_refused_is_answered_and_reported_as_the_whole_call() {
    let stage = Stage::new();
    for request in hopeless(&stage) {
        let shown = format!("{request:?}");
        let (parts, body) = request.into_parts();
        let by_head = stage.service.check_head(&parts).expect_err(&shown);
        let reported = stage.log.last();
        assert!(reported.contains(" answered 00000"), "{reported}");
        let whole = stage.service.call(Request::from_parts(parts, body)).await;
        assert_eq!((written(&by_head), reported), (written(&whole), stage.log.last()), "{shown}");
    }
    assert_eq!(stage.log.lines().len(), 2 * hopeless(&stage).len(), "one event each");
    assert_eq!(stage.seller.runs(), 0);
}

#[tokio::test]
async fn a_call_that_got_too_old_while_its_body_arrived_is_refused() {
    let stage = Stage::new();
    let endpoint = Endpoint::new(stage.service.clone());
    let body = purchase("CS1", "b");
    for (seconds, code) in [(59, "000000"), (61, "000002")] {
        let query = callback_v2::signed_query(&key(), &nonce(), stage.clock.now(), body.as_bytes());
        let (parts, body) = post_request(&query, body.clone()).into_parts();
        let clock = Arc::clone(&stage.clock);
        let slow = stream::once(async move {
            clock.advance(Duration::from_secs(seconds));
            Ok(body)
        });
        let answer = endpoint.receive(parts, slow).await;
        assert!(written(&answer).contains(code), "{seconds} s: {answer:?}");
    }
    assert!(stage.log.last().contains("61s old"), "{}", stage.log.last());
}

#[tokio::test]
async fn what_could_be_signed_gets_its_limit() {
    let of =
        |service: &CallbackService, request: Request<()>| service.check_head(&request.into_parts().0).unwrap().limit();
    let post = |query: &str| Request::post(format!("/saasproduce?{query}")).body(()).unwrap();
    let kit_call = |message: &str| {
        let mut request = Request::post(format!("/isv/produceAPI/v2/{message}"));
        for (name, value) in kit_v2::signed_headers(&key(), &nonce(), NOW, b"{}") {
            request = request.header(name, value);
        }
        request.body(()).unwrap()
    };
    let (saas, joint) = (Stage::new(), kit::Stage::new());
    let get = Request::get(format!("/saasproduce?{}", saas.signed(&v1_purchase("CS1", "b")))).body(()).unwrap();
    assert_eq!([of(&saas.service, get), of(&saas.service, post(&plausible()))], [64 << 10; 2]);
    for message in ["tenantSync", "applicationSync", "singleOrgSync"] {
        assert_eq!(of(&joint.service, kit_call(message)), 64 << 10, "{message}");
    }
    for message in ["authSync", "allOrgSync"] {
        assert_eq!(of(&joint.service, kit_call(message)), 4 << 20, "{message}");
        assert_eq!(of(&saas.service, kit_call(message)), 64 << 10, "without a directory {message} is refused anyway");
    }
    let set = kit::Stage::with(|builder| builder.body_limit(100).list_limit(200));
    assert_eq!([of(&set.service, post(&plausible())), of(&set.service, kit_call("authSync"))], [100, 200]);

    let mut large = kit_call("authSync");
    large.headers_mut().insert("content-length", HeaderValue::from_static("201"));
    let refused = set.service.check_head(&large.into_parts().0).unwrap_err();
    assert!(written(&refused).contains("000002"), "{refused:?}");
    assert!(set.log.last().contains("Kit V2.0 call answered 000002"), "{}", set.log.last());
    assert!(set.log.last().contains("the request body was not received: it has more than 200 bytes"));
}

/// A call whose head is refused gets its answer before its body was sent.
async fn refuses_by_the_head(address: SocketAddr, log: &Log) {
    let good_token = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=";
    let heads = [
        (head("POST", "activity=newInstance", 1000), "000001", "unsigned"),
        (head("POST", &old(&plausible()), 1000), "000002", "61s old"),
        (head("POST", &plausible(), 64 * 1024 + 1), "000002", "more than 65536 bytes"),
        (head("GET", "activity=newInstance", 1000), "000001", "unsigned"),
        (kit_head("v2/tenantSync", "Connection: close\r\n", 1000), "000002", "x-timestamp is missing"),
        (kit_head("tenantSync", "Connection: close\r\n", 1000), "000001", "unsigned"),
        (
            kit_head("allOrgSync", &format!("Connection: close\r\nauthToken: {good_token}\r\n"), 4194305),
            "000002",
            "more than",
        ),
    ];
    for (head, code, reason) in heads {
        let began = Instant::now();
        let (_, answer) = split(&talk(address, &head).await);
        assert_eq!(answer.code, code, "{head}");
        assert!(log.last().contains(reason), "{reason}: {}", log.last());
        assert!(began.elapsed() < Duration::from_secs(5), "the body would be waited for for 10 seconds: {head}");
    }
}

#[tokio::test]
async fn every_adapter_checks_heads_before_bodies() {
    let stage = Stage::new();
    let service = || stage.service.clone();
    let server = start(Server::new(), Router::new().fallback_service(Endpoint::new(service()))).await;
    refuses_by_the_head(server.address, &stage.log).await;
    let routes = || Router::new().route("/saasproduce", route(service())).fallback_service(route::<()>(service()));
    let server = start(Server::new(), routes()).await;
    refuses_by_the_head(server.address, &stage.log).await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = routes();
    tokio::spawn(async move { axum::serve(listener, router).await });
    refuses_by_the_head(address, &stage.log).await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bare = Endpoint::new(service());
    tokio::spawn(async move { Server::new().serve(listener, bare, std::future::pending()).await });
    refuses_by_the_head(address, &stage.log).await;

    let actix = start_actix(Endpoint::new(service())).await;
    refuses_by_the_head(actix.address, &stage.log).await;
    actix.stop().await;
}

/// Sends heads and the beginning of their bodies, and holds the connections.
async fn hold(address: SocketAddr, heads: &[String], sent: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for head in heads {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b' '; sent]).await.unwrap();
        held.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    held
}

/// Bodies that use up a budget of 100 KiB keep others out until they are gone; good calls come through afterwards.
async fn shares_a_budget(address: SocketAddr, stage: &Stage) {
    let heads: Vec<_> = (0..4).map(|_| head("POST", &plausible(), 30_000)).collect();
    let held = hold(address, &heads[..3], 29_999).await;
    let refused = talk(address, heads[3].clone() + &" ".repeat(30_000)).await;
    assert_eq!(split(&refused).1.code, "000005");
    assert!(stage.log.last().contains("used by other calls"), "{}", stage.log.last());
    drop(held);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (_, answer) = split(&talk(address, post_bytes(stage, &purchase("CS1", "b"))).await);
    assert_eq!(answer.code, "000000");
}

#[tokio::test]
async fn bodies_share_a_budget_on_every_adapter() {
    let small = |builder: CallbackServiceBuilder| builder.body_budget(100_000);
    let stage = Stage::with(small);
    let server = start(Server::new(), Router::new().route("/saasproduce", route(stage.service.clone()))).await;
    shares_a_budget(server.address, &stage).await;
    let stage = Stage::with(small);
    let server = start_actix(Endpoint::new(stage.service.clone())).await;
    shares_a_budget(server.address, &stage).await;
    server.stop().await;
}

#[tokio::test]
async fn a_body_in_many_pieces_is_read_whole() {
    let stage = Stage::new();
    let server = start(Server::new(), Router::new().route("/saasproduce", route(stage.service.clone()))).await;
    let call = post_bytes(&stage, &purchase("CS1", "b"));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in call.as_bytes().chunks(7) {
        stream.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(split(&answer).1.code, "000000");
}

/// Resident memory of a process, in MiB.
#[cfg(target_os = "linux")]
pub fn resident(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}

/// `cargo test --all-features --test it -- --ignored --nocapture strangers_cannot_fill_the_memory`
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute, and all of a machine"]
async fn strangers_cannot_fill_the_memory() {
    const LENGTH: usize = 4_190_000;
    static CHUNK: [u8; 64 * 1024] = [b' '; 64 * 1024];
    let now = || SystemClock.now();
    let plausible = move || format!("signature={}&timestamp={}&nonce=n", "0".repeat(64), now().as_unix_millis());
    let with_kit_line = |message: &str, line: &str| kit_head(message, line, LENGTH);
    let kinds: [(&str, String); 5] = [
        ("unsigned", head("POST", "x=1", LENGTH)),
        ("could be signed, with its length", head("POST", &plausible(), LENGTH)),
        (
            "could be signed, in pieces",
            head("POST", &plausible(), 0).replace("Content-Length: 0", "Transfer-Encoding: chunked") + "ffffff\r\n",
        ),
        ("Kit V2.0", with_kit_line("v2/authSync", &kit_lines(now()))),
        ("Kit V1.0", with_kit_line("allOrgSync", "authToken: qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=\r\n")),
    ];
    let program = process::example("isv_server");
    for (kind, head) in kinds {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}", folder.path().join("test.db").display());
        let server = process::Server::start(
            Command::new(&program)
                .args(["--listen", "127.0.0.1:0", "--database", &database])
                .env("KOOGALLERY_BASIC_KEY", KEY)
                .env("KOOGALLERY_KIT_KEY", "kit-key-0001"),
        );
        let address = server.address;
        let connections: Vec<_> = (0..1000)
            .map(|_| {
                let head = head.clone();
                tokio::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    let sending = async {
                        stream.write_all(head.as_bytes()).await?;
                        for _ in 0..63 {
                            stream.write_all(&CHUNK).await?;
                        }
                        std::io::Result::Ok(())
                    };
                    let _ = tokio::time::timeout(Duration::from_secs(8), sending).await;
                    tokio::time::sleep(Duration::from_secs(2)).await;
                })
            })
            .collect();
        let mut most = 0;
        while connections.iter().any(|connection| !connection.is_finished()) {
            most = most.max(resident(server.id()));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("{kind}: at most {most} MiB resident, {} MiB afterwards", resident(server.id()));
        assert!(most < 150, "{kind}: {most} MiB");
    }
}
