//! What an application that has more than callbacks needs of the adapters: upgrades, the caller's address, and every path of the
//! marketplace by one line.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use hyper_util::rt::TokioIo;
use koogallery::adapter::axum::routes;
use koogallery::adapter::serve::{PeerAddr, Server};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::adapter::tower::Endpoint;
use koogallery::callback::CallbackService;
use koogallery::cipher::client_secret::{OaepDecryptor, PrivateKey};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::MemoryLedger;
use koogallery::protocol::Protocol;
use koogallery::random::OsRandom;
use koogallery::testing::AcceptAll;
use koogallery_simulator::{Checker, HttpTarget};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::sockets::{split, start, start_actix, start_actix_with, talk};
use crate::support::*;

/// Leaves HTTP and sends back what comes.
pub async fn echo(mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgrade.await.unwrap());
        let mut bytes = [0; 64];
        while let Ok(length @ 1..) = stream.read(&mut bytes).await {
            stream.write_all(&bytes[..length]).await.unwrap();
        }
    });
    let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    response.header("connection", "upgrade").header("upgrade", "echo").body(Body::empty()).unwrap()
}

async fn upgraded(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    upgrade(&mut stream).await;
    stream
}

pub async fn upgrade(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let request = "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
}

pub async fn echoes(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut bytes = vec![0; text.len()];
    timeout(Duration::from_secs(5), stream.read_exact(&mut bytes)).await.expect("an echo in time").unwrap();
    assert_eq!(bytes, text.as_bytes());
}

#[tokio::test]
async fn upgraded_connections_keep_their_places_until_they_are_closed() {
    let stage = Stage::new();
    let router = Router::new().route("/echo", get(echo)).merge(routes("/saasproduce", stage.service.clone()));
    let server = start(Server::new().connections(2), router).await;
    let mut first = upgraded(server.address).await;
    echoes(&mut first, "first").await;
    let mut second = upgraded(server.address).await;
    // Longer than a connection has to be idle before it gives way.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let waiting =
        tokio::spawn(talk(server.address, "GET /saasproduce HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished(), "both places are taken");
    echoes(&mut first, "still there").await;
    echoes(&mut second, "as is this").await;
    drop(first);
    let answer = timeout(Duration::from_secs(5), waiting).await.expect("its place is free").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    echoes(&mut second, "nobody asked it to close").await;
}

#[tokio::test]
async fn a_request_says_who_sent_it() {
    let look = |ConnectInfo(address): ConnectInfo<SocketAddr>, request: Request| async move {
        assert_eq!(request.extensions().get(), Some(&PeerAddr(address)));
        address.to_string()
    };
    let server = start(Server::new(), Router::new().route("/whoami", get(look))).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = "GET /whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with(&format!("\r\n\r\n{}", stream.local_addr().unwrap())), "{answer}");
}

fn all_keys() -> AccessKeys {
    keys().with(InterfaceType::Kit, AccessKey::new("kit-key-0001").unwrap()).unwrap()
}

/// Serves subscriptions and the Kit.
fn service() -> CallbackService {
    let private_key = PrivateKey::generate(PrivateKey::MIN_BITS, &OsRandom).unwrap();
    CallbackService::builder(all_keys(), TokioRuntime)
        .subscription(AcceptAll::new(), MemoryLedger::new())
        .directory(AcceptAll::new(), OaepDecryptor::new([private_key]).unwrap())
        .build()
}

async fn is_whole(address: SocketAddr, path: &str) {
    for profile in [Protocol::SaasV2, Protocol::KitV1, Protocol::KitV2] {
        let target = HttpTarget::new(&format!("http://{address}{path}")).unwrap();
        let report = Checker::new(target, all_keys()).with_profile(profile).run().await.unwrap();
        assert!(report.is_ok() && report.failed_ids().is_empty(), "{}", report.to_text(false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_line_serves_every_path_on_axum() {
    for (path, whole) in [("/saasproduce", "/saasproduce"), ("/", ""), ("/isv/produce/", "/isv/produce/")] {
        let router = Router::new().route("/health", get(|| async { "ok" })).merge(routes(path, service()));
        let server = start(Server::new(), router).await;
        is_whole(server.address, whole).await;
        let other = talk(server.address, "GET /health/other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(other.starts_with(b"HTTP/1.1 404 "), "no other path is taken: {path}");
    }
}

/// Forward proxies send whole addresses, which may have no path.
#[tokio::test]
async fn whole_addresses_are_read_on_actix_web() {
    let stage = Stage::new();
    let server = start_actix(Endpoint::new(stage.service.clone())).await;
    for address in ["/saasproduce", "http://isv.example.com/saasproduce", "http://isv.example.com"] {
        let query = stage.signed(&v1_purchase("CS1", "first"));
        let call = format!("GET {address}?{query} HTTP/1.1\r\nHost: isv.example.com\r\nConnection: close\r\n\r\n");
        assert_eq!(split(&talk(server.address, call).await).1.code, "000000", "{address}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_line_serves_every_path_on_actix_web() {
    let service = service();
    let server = start_actix_with(move |config| {
        config.configure(koogallery::adapter::actix::routes("/saasproduce", service.clone()));
    })
    .await;
    is_whole(server.address, "/saasproduce").await;
    let other = talk(server.address, "GET /saasproduce/other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(other.starts_with(b"HTTP/1.1 404 "), "no other path is taken");
    server.stop().await;
}
