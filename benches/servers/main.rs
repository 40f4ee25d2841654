//! Callbacks per second that a server answers, as a share of the same calls to a path of it that answers a constant.
//!
//! The two take turns on 64 connections from one thread, on a ledger in memory that knows the purchase. What a call costs the
//! client, the kernel and the framework is the same for both, so that the share says what the service adds. Arguments choose
//! servers by their names.

mod served;

use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use koogallery::CallbackService;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::clock::ManualClock;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::MemoryLedger;
use koogallery::replay::MemoryReplayGuard;
use koogallery::signature::callback_v2;
use koogallery::testing::AcceptAll;
use koogallery::timestamp::Timestamp;
use koogallery_servers::BoxError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const KEY: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const NOW: Timestamp = Timestamp::from_unix_millis(1_735_689_600_123);
const BODY: &str = r#"{"activity":"newInstance","businessId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d","customField":"something that the marketplace may add in the years to come, so that the body is as long as usual","orderId":"CS2501010000ABCDE","orderLineId":"CS2501010000ABCDE-000001","productId":"OFFI000000000000000001"}"#;
const ANSWER: &str =
    r#"{"resultCode":"000000","resultMsg":"success","instanceId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d"}"#;
const CALLBACKS: &str = "/saasproduce";
const CONSTANT: &str = "/constant";

const CONNECTIONS: usize = 64;
const CALLS_PER_CONNECTION: usize = 60;
const ROUNDS: usize = 25;

/// Serves callbacks and the constant on a listener, and does not return.
type Serve = fn(TcpListener, CallbackService) -> Result<(), BoxError>;

const SERVERS: [(&str, Serve); 10] = [
    ("serve", served::serve),
    ("axum, by serve", served::axum),
    ("actix-web", served::actix),
    ("hyper", served::hyper),
    ("poem, by serve", served::poem),
    ("salvo", served::salvo),
    ("warp, by serve", served::warp),
    ("Rocket", served::rocket),
    ("ntex", served::ntex),
    ("tiny_http", served::tiny_http),
];

fn main() -> Result<(), BoxError> {
    let key = AccessKey::new(KEY)?;
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    println!("\n| server | callbacks per second | constants per second | share, median (best) |\n|---|---:|---:|---:|");
    for (name, serve) in SERVERS.into_iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|it| it == name))
    {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let service = service(&key);
        thread::spawn(move || serve(listener, service).expect("it serves"));
        // Rocket closes the listener, and binds the address itself.
        thread::sleep(Duration::from_millis(500));
        let Measured { callbacks, constants, shares } = measure(address, &key)?;
        let [median, best] = [shares[shares.len() / 2], shares[shares.len() - 1]];
        println!("| {name} | {callbacks:.0} | {constants:.0} | {median:.2} ({best:.2}) |");
    }
    Ok(())
}

fn service(key: &AccessKey) -> CallbackService {
    let keys = AccessKeys::new().with(InterfaceType::Basic, key.clone()).expect("one key");
    CallbackService::builder(keys, TokioRuntime)
        .subscription(AcceptAll::new(), MemoryLedger::new())
        .replay_guard(MemoryReplayGuard::with_capacity(usize::MAX))
        .clock(ManualClock::new(NOW))
        .build()
}

struct Measured {
    /// Per second, in the best round.
    callbacks: f64,
    constants: f64,
    /// Of all rounds, ascending.
    shares: Vec<f64>,
}

fn measure(address: SocketAddr, key: &AccessKey) -> Result<Measured, BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connections = connect(address).await?;
        let mut calls = 0;
        let mut requests = |path: &str| -> Vec<Vec<Vec<u8>>> {
            let mut request = || {
                calls += 1;
                let query = callback_v2::signed_query(key, &format!("{calls:032}"), NOW, BODY.as_bytes());
                let length = BODY.len();
                format!(
                    "POST {path}?{query} HTTP/1.1\r\nHost: isv.example.com\r\n\
                     Content-Type: application/json;charset=utf8\r\nContent-Length: {length}\r\n\r\n{BODY}"
                )
                .into_bytes()
            };
            (0..CONNECTIONS).map(|_| (0..CALLS_PER_CONNECTION).map(|_| request()).collect()).collect()
        };
        let (mut callbacks, mut constants, mut shares) = (0_f64, 0_f64, Vec::new());
        for round in 0..=ROUNDS {
            let callback = per_second(&mut connections, requests(CALLBACKS)).await?;
            let constant = per_second(&mut connections, requests(CONSTANT)).await?;
            // The first is for warming up.
            if round > 0 {
                (callbacks, constants) = (callbacks.max(callback), constants.max(constant));
                shares.push(callback / constant);
            }
        }
        shares.sort_by(f64::total_cmp);
        Ok(Measured { callbacks, constants, shares })
    })
}

async fn connect(address: SocketAddr) -> Result<Vec<TcpStream>, BoxError> {
    let began = Instant::now();
    while TcpStream::connect(address).await.is_err() && began.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let connection = TcpStream::connect(address).await?;
        connection.set_nodelay(true)?;
        connections.push(connection);
        // tiny_http leaves some of those that come at once without an answer.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(connections)
}

async fn per_second(connections: &mut [TcpStream], requests: Vec<Vec<Vec<u8>>>) -> Result<f64, BoxError> {
    let began = Instant::now();
    let conversations = connections.iter_mut().zip(&requests).map(|(connection, requests)| async move {
        for request in requests {
            connection.write_all(request).await?;
            expect_success(connection).await?;
        }
        Ok::<_, BoxError>(())
    });
    join_all(conversations).await.into_iter().collect::<Result<(), _>>()?;
    Ok((CONNECTIONS * CALLS_PER_CONNECTION) as f64 / began.elapsed().as_secs_f64())
}

/// Reads one answer, whose body is the code of success and more.
async fn expect_success(connection: &mut TcpStream) -> Result<(), BoxError> {
    let mut buffer = [0; 2048];
    let mut length = 0;
    loop {
        let read = connection.read(&mut buffer[length..]).await?;
        length += read;
        let answer = &buffer[..length];
        if read == 0 {
            return Err(format!("closed after {:?}", String::from_utf8_lossy(answer)).into());
        }
        if answer.ends_with(b"}") {
            let is_success = answer.windows(8).any(|part| part == b"\"000000\"");
            return if is_success { Ok(()) } else { Err(String::from_utf8_lossy(answer).into()) };
        }
    }
}
