//! Callbacks per second that a server answers, as a share of the same calls to a path of it that answers a constant.
//!
//! The two take turns in 64 conversations from one thread, on a ledger in memory that knows the purchase. What a call costs the
//! client, the kernel and the framework is the same for both, so that the share says what the service adds: to calls on
//! connections that are kept, and to calls that each open one. Arguments choose servers by their names.

mod served;

use std::fmt;
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

const CONVERSATIONS: usize = 64;
const ROUNDS: usize = 25;

/// Serves callbacks and the constant on a listener, and does not return.
type Serve = fn(TcpListener, CallbackService) -> Result<(), BoxError>;

/// The last does not answer all of many connections that are opened at the same moment.
const SERVERS: [(&str, Serve, &[Connections]); 10] = [
    ("serve", served::serve, &Connections::BOTH),
    ("axum, by serve", served::axum, &Connections::BOTH),
    ("actix-web", served::actix, &Connections::BOTH),
    ("hyper", served::hyper, &Connections::BOTH),
    ("poem, by serve", served::poem, &Connections::BOTH),
    ("salvo", served::salvo, &Connections::BOTH),
    ("warp, by serve", served::warp, &Connections::BOTH),
    ("Rocket", served::rocket, &Connections::BOTH),
    ("ntex", served::ntex, &Connections::BOTH),
    ("tiny_http", served::tiny_http, &[Connections::Kept]),
];

fn main() -> Result<(), BoxError> {
    let key = AccessKey::new(KEY)?;
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    println!("\n| server | connections | callbacks per second | constants per second | share, median (best) |");
    println!("|---|---|---:|---:|---:|");
    for (name, serve, kinds) in SERVERS {
        if !wanted.is_empty() && !wanted.iter().any(|it| it == name) {
            continue;
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let service = service(&key);
        thread::spawn(move || serve(listener, service).expect("it serves"));
        // Rocket closes the listener, and binds the address itself.
        thread::sleep(Duration::from_millis(500));
        let mut nonces = (0_u64..).map(|number| format!("{number:032}"));
        for connections in kinds {
            let Measured { callbacks, constants, shares } = measure(address, &key, &mut nonces, *connections)?;
            let [median, best] = [shares[shares.len() / 2], shares[shares.len() - 1]];
            println!("| {name} | {connections} | {callbacks:.0} | {constants:.0} | {median:.2} ({best:.2}) |");
        }
    }
    Ok(())
}

/// Where the calls of a conversation arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connections {
    /// One after the other on one connection.
    Kept,
    /// Each on a connection of its own, which the server closes.
    New,
}

impl Connections {
    const BOTH: [Self; 2] = [Self::Kept, Self::New];

    /// Returns how many calls a conversation has in a round.
    fn calls(self) -> usize {
        match self {
            Self::Kept => 60,
            Self::New => 20,
        }
    }

    /// Returns the line of the head that says what becomes of the connection.
    fn header(self) -> &'static str {
        match self {
            Self::Kept => "",
            Self::New => "Connection: close\r\n",
        }
    }
}

impl fmt::Display for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "kept",
            Self::New => "new",
        })
    }
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

fn measure(
    address: SocketAddr,
    key: &AccessKey,
    nonces: &mut dyn Iterator<Item = String>,
    kind: Connections,
) -> Result<Measured, BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut kept = connect(address, kind).await?;
        let mut requests = |path: &str| -> Vec<Vec<Vec<u8>>> {
            let mut request = || {
                let nonce = nonces.next().unwrap_or_default();
                let query = callback_v2::signed_query(key, &nonce, NOW, BODY.as_bytes());
                let (length, header) = (BODY.len(), kind.header());
                format!(
                    "POST {path}?{query} HTTP/1.1\r\nHost: isv.example.com\r\n{header}\
                     Content-Type: application/json;charset=utf8\r\nContent-Length: {length}\r\n\r\n{BODY}"
                )
                .into_bytes()
            };
            (0..CONVERSATIONS).map(|_| (0..kind.calls()).map(|_| request()).collect()).collect()
        };
        let (mut callbacks, mut constants, mut shares) = (0_f64, 0_f64, Vec::new());
        for round in 0..=ROUNDS {
            let callback = per_second(address, &mut kept, requests(CALLBACKS)).await?;
            let constant = per_second(address, &mut kept, requests(CONSTANT)).await?;
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

/// Waits until the server listens, and opens the connections that are kept, if any.
async fn connect(address: SocketAddr, kind: Connections) -> Result<Vec<Option<TcpStream>>, BoxError> {
    let began = Instant::now();
    while TcpStream::connect(address).await.is_err() && began.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut connections = Vec::with_capacity(CONVERSATIONS);
    for _ in 0..CONVERSATIONS {
        connections.push(match kind {
            Connections::Kept => Some(open(address).await?),
            Connections::New => None,
        });
        // tiny_http leaves some of those that come at once without an answer.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(connections)
}

async fn open(address: SocketAddr) -> Result<TcpStream, BoxError> {
    let connection = TcpStream::connect(address).await?;
    connection.set_nodelay(true)?;
    Ok(connection)
}

async fn per_second(
    address: SocketAddr,
    kept: &mut [Option<TcpStream>],
    requests: Vec<Vec<Vec<u8>>>,
) -> Result<f64, BoxError> {
    let calls = requests.iter().map(Vec::len).sum::<usize>();
    let began = Instant::now();
    let conversations = kept.iter_mut().zip(&requests).map(|(kept, requests)| async move {
        for request in requests {
            match kept {
                Some(connection) => call(connection, request).await?,
                None => {
                    let mut connection = open(address).await?;
                    call(&mut connection, request).await?;
                    // The side that closes first keeps the port for a while.
                    connection.read_to_end(&mut Vec::new()).await?;
                }
            }
        }
        Ok::<_, BoxError>(())
    });
    join_all(conversations).await.into_iter().collect::<Result<(), _>>()?;
    Ok(calls as f64 / began.elapsed().as_secs_f64())
}

/// Sends a request and reads its answer, whose body is the code of success and more.
async fn call(connection: &mut TcpStream, request: &[u8]) -> Result<(), BoxError> {
    connection.write_all(request).await?;
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
