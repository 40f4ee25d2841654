//! Over real sockets: the bytes on the wire, limits, concurrency, shutdown.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use bytes::Bytes;
use futures_util::future::join_all;
use koogallery::adapter::axum::route;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tower::Endpoint;
use koogallery::key::KeyRing;
use koogallery::ledger::SqliteLedger;
use koogallery::signature::{body_sign, callback_v2};
use koogallery::sqlite::Database;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::*;

/// A running server.
pub struct Running {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

pub async fn start<S>(server: Server, service: S) -> Running
where
    S: tower::Service<
            http::Request<hyper::body::Incoming>,
            Response = http::Response<axum::body::Body>,
            Error = std::convert::Infallible,
        > + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(server.serve(listener, service, async {
        let _: Result<(), _> = stopped.await;
    }));
    Running { address, stop, server }
}

fn router(stage: &Stage) -> Router {
    Router::new().route("/saasproduce", route(stage.service.clone()))
}

/// Sends bytes and reads all that comes back.
pub async fn talk(address: SocketAddr, request: impl AsRef<[u8]>) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before everything is written.
    let _: std::io::Result<()> = stream.write_all(request.as_ref()).await;
    let mut answer = Vec::new();
    let _: std::io::Result<usize> = stream.read_to_end(&mut answer).await;
    answer
}

pub fn head(method: &str, query: &str, length: usize) -> String {
    format!(
        "{method} /saasproduce?{query} HTTP/1.1\r\nHost: isv.example.com\r\nContent-Type: application/json;charset=utf8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )
}

pub fn post_bytes(stage: &Stage, body: &str) -> String {
    let query = callback_v2::signed_query(&stage.key, &nonce(), NOW, body.as_bytes());
    head("POST", &query, body.len()) + body
}

/// Head and body of an answer.
pub fn split(answer: &[u8]) -> (String, Answer) {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let lines = head.to_lowercase();
    assert!(lines.contains("\r\ncache-control: no-store, no-transform") && !lines.contains("\r\nallow:"), "{head}");
    let signature = head.lines().find_map(|line| line.strip_prefix("Body-Sign: ")).map(str::to_owned);
    (head, Answer::parse(Bytes::copy_from_slice(&answer[end + 4..]), signature))
}

#[tokio::test]
async fn the_name_body_sign_stands_on_the_wire_in_exactly_that_case() {
    let stage = Stage::new();
    let server = start(Server::new(), router(&stage)).await;
    for query in [stage.signed(&v1_purchase("CS1", "b")), "activity=newInstance".to_owned()] {
        let (head, answer) = split(&talk(server.address, head("GET", &query, 0)).await);
        assert!(head.contains("\r\nContent-Type: application/json"), "{head}");
        let ring = KeyRing::new(stage.key.clone());
        assert_eq!(body_sign::verify(&ring, &answer.body_sign.unwrap(), &answer.body), Ok(()), "{head}");
    }
    let (head, _) = split(&talk(server.address, post_bytes(&stage, &purchase("CS2", "c"))).await);
    assert!(!head.to_lowercase().contains("body-sign"), "V2.0 asks for none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_copies_over_sockets_make_one_instance_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("test.db")).unwrap();
    let stage = Stage::on(SqliteLedger::new(&database).await.unwrap(), |builder| builder);
    stage.seller.set(Mood::Slow(Duration::from_millis(100)));
    let server = start(Server::new(), router(&stage)).await;

    let v2: Vec<_> = (0..50).map(|copy| post_bytes(&stage, &purchase("CS1", &format!("biz-{copy}")))).collect();
    let v1 = (0..50).map(|copy| head("GET", &stage.signed(&v1_purchase("CS2", &format!("old-{copy}"))), 0));
    for (calls, runs) in [(v2, 1), (v1.collect(), 2)] {
        let answers = join_all(calls.iter().map(|call| talk(server.address, call))).await;
        let ids: Vec<_> = answers.iter().map(|answer| split(answer).1.instance_id().to_owned()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(stage.seller.runs(), runs);
    }
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_and_the_server_lives_on() {
    let stage = Stage::new();
    let small = Stage::with(|builder| builder.body_limit(1000));
    for (stage, length) in [(&stage, 64 * 1024 + 1), (&small, 1001)] {
        let server = start(Server::new(), router(stage)).await;
        // Signed for another body.
        let query = callback_v2::signed_query(&stage.key, &nonce(), NOW, b"");
        let announced = head("POST", &query, length);
        let (_, answer) = split(&talk(server.address, announced.clone() + &"x".repeat(length)).await);
        assert_eq!(answer.code, "000002");
        let (_, answer) = split(&talk(server.address, &announced).await);
        assert_eq!(answer.code, "000002", "refused by its announced length");
        let chunked = announced.replace(&format!("Content-Length: {length}"), "Transfer-Encoding: chunked");
        let chunks = format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
        let (_, answer) = split(&talk(server.address, chunked + &chunks).await);
        assert_eq!(answer.code, "000002");
        assert!(stage.log.last().contains(&format!("more than {} bytes", length - 1)), "{}", stage.log.last());
        let (_, answer) = split(&talk(server.address, post_bytes(stage, &purchase("CS1", "b"))).await);
        assert_eq!(answer.code, "000000");
        assert_eq!(stage.seller.runs(), 1);
    }
}

/// A proxy that is still sending when the connection is reset answers 502 in place of the server.
#[tokio::test]
async fn the_answer_to_a_large_refused_body_is_not_lost() {
    const LENGTH: usize = 4 << 20;
    let stage = Stage::new();
    let server = start(Server::new(), router(&stage)).await;
    let query = callback_v2::signed_query(&stage.key, &nonce(), NOW, b"");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all((head("POST", &query, LENGTH) + &"x".repeat(LENGTH)).as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(split(&answer).1.code, "000002");
}

#[tokio::test]
async fn slow_clients_are_let_go_and_hinder_no_one() {
    let stage = Stage::new();
    let endpoint = Endpoint::new(stage.service.clone()).body_timeout(Duration::from_millis(200));
    let router = Router::new().route("/saasproduce", route(endpoint));
    let server = start(Server::new().header_timeout(Duration::from_millis(200)), router).await;

    let began = Instant::now();
    let half_a_head = talk(server.address, "POST /saasproduce HTTP/1.1\r\nHost: x\r\n");
    let query = callback_v2::signed_query(&stage.key, &nonce(), NOW, b"{}");
    let half_a_body = async { split(&talk(server.address, head("POST", &query, 100) + "{").await).1 };
    let body = purchase("CS1", "b");
    let prompt = async { split(&talk(server.address, post_bytes(&stage, &body)).await).1 };
    let (_, cut_off, prompt) = tokio::join!(half_a_head, half_a_body, prompt);
    assert_eq!(prompt.code, "000000");
    assert_eq!(cut_off.code, "000002");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_hung_up_client_does_not_stop_the_work() {
    let stage = Stage::new();
    stage.seller.set(Mood::Slow(Duration::from_millis(150)));
    let server = start(Server::new(), router(&stage)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(post_bytes(&stage, &purchase("CS1", "first")).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stream);
    let (_, retry) = split(&talk(server.address, post_bytes(&stage, &purchase("CS1", "second"))).await);
    assert_eq!((retry.code.as_str(), retry.instance_id()), ("000000", "first"));
    assert_eq!(stage.seller.runs(), 1);
}

#[tokio::test]
async fn a_client_that_has_sent_all_and_shuts_down_its_side_gets_its_answer() {
    let stage = Stage::new();
    stage.seller.set(Mood::Slow(Duration::from_millis(100)));
    let server = start(Server::new(), router(&stage)).await;
    for call in [post_bytes(&stage, &purchase("CS1", "b")), head("GET", &stage.signed(&v1_purchase("CS2", "c")), 0)] {
        let mut stream = hold(server.address, &call).await;
        stream.shutdown().await.unwrap();
        assert_eq!(split(&rest(stream).await).1.code, "000000");
    }
    let cut = post_bytes(&stage, &purchase("CS3", "d"));
    let mut stream = hold(server.address, &cut[..cut.len() - 1]).await;
    stream.shutdown().await.unwrap();
    assert!(!rest(stream).await.windows(6).any(|code| code == b"000000"), "the body is not whole");
    assert_eq!(stage.seller.runs(), 2);
}

#[tokio::test]
async fn stopping_lets_requests_finish() {
    let stage = Stage::new();
    stage.seller.set(Mood::Slow(Duration::from_millis(200)));
    let server = start(Server::new(), router(&stage)).await;
    let body = post_bytes(&stage, &purchase("CS1", "b"));
    let call = tokio::spawn(async move { talk(server.address, body).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.send(()).unwrap();
    assert_eq!(split(&call.await.unwrap()).1.code, "000000");
    server.server.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

/// Sends the bytes and holds the connection.
async fn hold(address: SocketAddr, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

/// Reads until the server closes.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _: std::io::Result<usize> = stream.read_to_end(&mut rest).await;
    rest
}

#[tokio::test]
async fn idle_connections_give_way_to_new_ones() {
    let stage = Stage::new();
    let server = start(Server::new().connections(10), router(&stage)).await;
    let call = || post_bytes(&stage, &purchase("CS1", "b"));
    let mut silent = Vec::new();
    for index in 0..15 {
        let begun = ["", "POST /saasproduce HTTP/1.1\r\nHost: x\r\n"][index % 2];
        silent.push(hold(server.address, begun).await);
        // One call, and then nothing but the beginning of a head.
        let mut used = hold(server.address, &call().replace("Connection: close\r\n", "")).await;
        assert!(used.read(&mut [0; 1024]).await.unwrap() > 0);
        used.write_all(begun.as_bytes()).await.unwrap();
        silent.push(used);
    }
    for _ in 0..20 {
        let began = Instant::now();
        let (_, answer) = split(&talk(server.address, call()).await);
        assert_eq!(answer.code, "000000");
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
    // The oldest went first: the last one is still there.
    assert_eq!(rest(silent.remove(0)).await, b"");
    let mut last = silent.pop().unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), last.read(&mut [0; 16])).await.is_err());
}

#[tokio::test]
async fn no_call_gives_way() {
    let stage = Stage::new();
    stage.seller.set(Mood::Slow(Duration::from_millis(400)));
    let server = start(Server::new().connections(2), router(&stage)).await;
    let bodies: Vec<_> =
        (0..6).map(|order| post_bytes(&stage, &purchase(&format!("CS{order}"), &format!("b{order}")))).collect();
    let began = Instant::now();
    let answers = join_all(bodies.iter().map(|body| talk(server.address, body))).await;
    assert!(answers.iter().all(|answer| split(answer).1.code == "000000"));
    assert!(began.elapsed() >= Duration::from_millis(1200), "two at a time: {:?}", began.elapsed());
    assert_eq!(stage.seller.runs(), 6);
}

/// A body that comes bit by bit belongs to a call that was accepted.
#[tokio::test]
async fn a_body_on_its_way_does_not_give_way() {
    let stage = Stage::new();
    let server = start(Server::new().connections(1), router(&stage)).await;
    let call = post_bytes(&stage, &purchase("CS1", "b"));
    let (begin, end) = call.split_at(call.len() - 5);
    let mut slow = hold(server.address, begin).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let other = tokio::spawn(talk(server.address, post_bytes(&stage, &purchase("CS2", "c"))));
    tokio::time::sleep(Duration::from_millis(200)).await;
    slow.write_all(end.as_bytes()).await.unwrap();
    assert_eq!(split(&rest(slow).await).1.code, "000000");
    assert_eq!(split(&other.await.unwrap()).1.code, "000000");
}

#[tokio::test]
async fn what_is_not_http_or_no_callback_is_turned_away() {
    let stage = Stage::new();
    let server = start(Server::new(), router(&stage)).await;
    for garbage in ["\r\n\r\n\r\n", "GET\r\n\r\n", "POST /saasproduce?a b c HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}"] {
        let answer = talk(server.address, format!("{garbage}\r\nConnection: close\r\n\r\n")).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{garbage:?}");
    }
    let endless = format!("GET /saasproduce?{} HTTP/1.1\r\n\r\n", "x".repeat(200_000));
    assert!(!talk(server.address, endless).await.starts_with(b"HTTP/1.1 200"));
    let answer = String::from_utf8(talk(server.address, head("DELETE", "", 0)).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 405") && answer.contains("\r\nAllow: GET, POST\r\n"), "{answer}");
    assert_eq!(stage.seller.runs(), 0);
}

#[tokio::test]
async fn the_tower_service_serves_without_axum() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new().serve(listener, Endpoint::new(stage.service.clone()), std::future::pending());
    let body = purchase("CS1", "b");
    let call = async { split(&talk(address, post_bytes(&stage, &body)).await).1 };
    tokio::select! {
        () = server => unreachable!("nothing stops the server"),
        answer = call => assert_eq!(answer.code, "000000"),
    }
}

/// A running actix-web server.
pub struct RunningActix {
    pub address: SocketAddr,
    handle: actix_web::dev::ServerHandle,
    server: std::thread::JoinHandle<()>,
}

pub async fn start_actix(endpoint: Endpoint) -> RunningActix {
    let route = move || koogallery::adapter::actix::route(endpoint.clone());
    start_actix_with(move |config| {
        config.route("/saasproduce", route()).default_service(route());
    })
    .await
}

/// Starts an application with these routes.
pub async fn start_actix_with(
    configure: impl Fn(&mut actix_web::web::ServiceConfig) + Clone + Send + 'static,
) -> RunningActix {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (started, handle) = oneshot::channel();
    let server = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || actix_web::App::new().configure(configure.clone());
            let server = actix_web::HttpServer::new(app).workers(2).listen(listener).unwrap().run();
            started.send(server.handle()).unwrap_or_default();
            server.await.unwrap();
        });
    });
    RunningActix { address, handle: handle.await.unwrap(), server }
}

impl RunningActix {
    pub async fn stop(self) {
        self.handle.stop(true).await;
        self.server.join().unwrap();
    }
}

#[tokio::test]
async fn actix_web_serves_the_same() {
    let stage = Stage::with(|builder| builder.body_limit(2000));
    let endpoint = Endpoint::new(stage.service.clone()).body_timeout(Duration::from_millis(300));
    let server = start_actix(endpoint).await;
    let address = server.address;

    let ring = KeyRing::new(stage.key.clone());
    for query in [stage.signed(&v1_purchase("CS1", "old")), "activity=newInstance".to_owned()] {
        let (head, answer) = split(&talk(address, head("GET", &query, 0)).await);
        assert_eq!(body_sign::verify(&ring, &answer.body_sign.unwrap(), &answer.body), Ok(()), "{head}");
    }
    stage.seller.set(Mood::Slow(Duration::from_millis(50)));
    let copies: Vec<_> = (0..20).map(|copy| post_bytes(&stage, &purchase("CS2", &format!("biz-{copy}")))).collect();
    let answers = join_all(copies.iter().map(|call| talk(address, call))).await;
    let ids: Vec<_> = answers.iter().map(|answer| split(answer).1.instance_id().to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(stage.seller.runs(), 2);

    let query = || callback_v2::signed_query(&stage.key, &nonce(), NOW, b"{}");
    for refused in [head("POST", &query(), 2001) + &"x".repeat(2001), head("POST", &query(), 100) + "{"] {
        assert_eq!(split(&talk(address, refused).await).1.code, "000002");
    }
    assert!(talk(address, head("DELETE", "", 0)).await.starts_with(b"HTTP/1.1 405"));
    server.stop().await;
}
