//! A thousand connections that send 4 MiB each without a signature, and hold what they have sent.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use koogallery::random::{self, OsRandom};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::Outcome;
use crate::deliveries::{Load, marketplace};
use crate::fleet::Fleet;
use crate::orders::DEADLINE;
use crate::place::Place;
use crate::replica::ReplicaOptions;
use crate::report::Row;

const PART: &str = "unsigned bodies of 4 MiB";

const CONNECTIONS: usize = 1000;
const BODY: usize = 4 << 20;

/// Resident memory that the process may have, in MiB.
const LIMIT: f64 = 150.0;

pub async fn run(place: &Place) -> Outcome<Row> {
    let on = "server `serve`";
    let key = random::hex(&OsRandom)?;
    let mut fleet = Fleet::start(&key, vec![ReplicaOptions::new(&place.url)]).await?;
    let Some(process) = fleet.process_id().filter(|process| resident(*process).is_some()) else {
        fleet.stop().await?;
        return Ok(Row::left_out(PART, on, "no /proc here"));
    };
    let address = fleet.address().ok_or("there is no replica")?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let marketplace = marketplace(listener.local_addr()?, &key)?;
    let balancer = tokio::spawn(fleet.balance(listener));
    let head = format!("POST /saasproduce?x=1 HTTP/1.1\r\nhost: {address}\r\ncontent-length: {BODY}\r\n\r\n");
    let mut strangers = Vec::new();
    for _ in 0..CONNECTIONS {
        strangers.push(TcpStream::connect(address).await?);
    }
    let began = Instant::now();
    let sending = strangers.iter_mut().map(|stranger| {
        let head = head.as_bytes();
        async move {
            // All but the end of the body, as far as it is taken.
            let block = [b'x'; 1 << 16];
            let sending = async {
                stranger.write_all(head).await?;
                for _ in 1..BODY / block.len() {
                    stranger.write_all(&block).await?;
                }
                Ok::<_, std::io::Error>(())
            };
            let _ = timeout(Duration::from_secs(3), sending).await;
        }
    });
    let calling = async {
        sleep(Duration::from_millis(500)).await;
        let load = Load {
            orders: 5,
            copies: 1,
            pause: Duration::from_millis(200),
            retry_pause: Duration::from_millis(500),
            one_lost_of: 0,
            timeout: Duration::from_secs(30),
        };
        load.deliver(&marketplace).await
    };
    let (_, deliveries) = tokio::join!(join_all(sending), calling);
    let calls = deliveries?.into_iter().flat_map(|order| order.calls);
    let longest = calls.max().unwrap_or_default();
    let most = resident(process).unwrap_or(f64::INFINITY);
    drop(strangers);
    fleet.stop().await?;
    balancer.abort();
    let figures = format!(
        "{CONNECTIONS} connections within {:.1} s: at most {most:.0} MiB resident; right calls between them answered within {:.3} s",
        began.elapsed().as_secs_f64(),
        longest.as_secs_f64()
    );
    let is_met = most < LIMIT && longest < DEADLINE;
    Ok(Row::promise(PART, on, figures, "less than 150 MiB, right calls < 5 s", is_met))
}

/// Returns the most memory that a process has had, in MiB, where the system says so.
fn resident(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}
