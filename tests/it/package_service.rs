//! `kill -9` of the service with packages, during records, reservations and commits.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::process::{Server, example, exchange};
use crate::servers::{Mysql, Schema};

const CALLS_PER_ROUND: u32 = 8;
/// Seconds.
const LEASE: &str = "2";

fn start(program: &Path, database: &str, quota: u32) -> Server {
    let mut command = Command::new(program);
    command.args(["--listen", "127.0.0.1:0", "--lease", LEASE, "--database", database]);
    for number in 0..3 {
        command.args(["--package".to_owned(), format!("pkg-{number}:inst:{quota}")]);
    }
    Server::start(&mut command)
}

/// Whether the call was answered. Every third is a job of two units, the others cost one.
fn call(address: SocketAddr, number: u32) -> bool {
    let path = if number.is_multiple_of(3) { "job" } else { "render" };
    let request = format!(
        "POST /{path}/inst HTTP/1.1\r\nHost: x\r\nIdempotency-Key: call-{number}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    exchange(address, &request).is_some_and(|(status, _)| status == 200)
}

fn cost(number: u32) -> u32 {
    if number.is_multiple_of(3) { 2 } else { 1 }
}

fn get(address: SocketAddr, path: &str) -> String {
    let (status, body) =
        exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).unwrap();
    assert_eq!(status, 200);
    String::from_utf8(body).unwrap()
}

/// What all packages together have used and reserved.
fn used_and_reserved(address: SocketAddr) -> (u32, u32) {
    let listed = get(address, "/packages/inst");
    let columns = listed.lines().map(|line| {
        let numbers: Vec<u32> = line.split(' ').skip(1).map(|number| number.parse().unwrap()).collect();
        assert!(numbers[0] + numbers[1] <= numbers[2], "overdrawn: {line}");
        (numbers[0], numbers[1])
    });
    columns.fold((0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1))
}

fn killed(database: &str, rounds: u32) {
    let program = example("package_service");
    let expected: u32 = (0..rounds * CALLS_PER_ROUND).map(cost).sum();
    // Together the packages have hardly more than is used, so that usage is split, and held amounts count.
    let quota = expected.div_ceil(3) + 30;
    let mut unanswered: Vec<u32> = vec![];
    let (mut cut_off, mut answered) = (0, 0);
    for round in 0..rounds {
        let server = start(&program, database, quota);
        let calls: Vec<u32> =
            unanswered.drain(..).chain(round * CALLS_PER_ROUND..(round + 1) * CALLS_PER_ROUND).collect();
        let address = server.address;
        let done = AtomicUsize::new(0);
        let is_cut_off = |number: &u32| {
            let is_answered = call(address, *number);
            done.fetch_add(usize::from(is_answered), Ordering::Relaxed);
            !is_answered
        };
        let is_cut_off = &is_cut_off;
        unanswered = std::thread::scope(|scope| {
            let thread =
                |calls: Vec<u32>| scope.spawn(move || calls.into_iter().filter(is_cut_off).collect::<Vec<u32>>());
            let threads: Vec<_> = calls.chunks(calls.len().div_ceil(4)).map(|calls| thread(calls.to_vec())).collect();
            // After none of the calls, or more of them, and somewhere within the next ones.
            let deadline = Instant::now() + Duration::from_secs(10);
            while done.load(Ordering::Relaxed) < round as usize % calls.len() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_micros(200));
            }
            std::thread::sleep(Duration::from_micros(u64::from(round % 10) * 300));
            server.kill();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        cut_off += unanswered.len();
        answered += calls.len() - unanswered.len();
    }
    assert!(cut_off > 0, "no call was cut off, so nothing was tested");
    let half = (rounds * CALLS_PER_ROUND / 2) as usize;
    assert!(answered > half, "{answered} calls were answered between the kills, so little was tested");

    let server = start(&program, database, quota);
    for number in unanswered {
        assert!(call(server.address, number), "call {number}");
    }
    // Once more, since a client may not know.
    for number in 0..CALLS_PER_ROUND {
        assert!(call(server.address, number), "call {number}");
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while used_and_reserved(server.address).1 > 0 {
        assert!(Instant::now() < deadline, "a reservation is left");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(used_and_reserved(server.address).0, expected, "nothing is lost or doubled");
    println!(
        "{rounds} kills, {answered} calls answered between them, {cut_off} cut off, {expected} units used of {}",
        3 * quota
    );
    assert_eq!(get(server.address, "/recorded"), expected.to_string(), "what was used was recorded");
}

#[test]
fn killed_on_sqlite_packages_bear_what_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    killed(&format!("sqlite://{}", folder.path().join("packages.db").display()), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_postgresql_packages_bear_what_was_answered() {
    let Some(schema) = Schema::new().await else { return };
    let url = schema.url();
    tokio::task::spawn_blocking(move || killed(&url, 100)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_mysql_packages_bear_what_was_answered() {
    let Some(place) = Mysql::new().await else { return };
    let url = place.url();
    tokio::task::spawn_blocking(move || killed(&url, 100)).await.unwrap();
}
