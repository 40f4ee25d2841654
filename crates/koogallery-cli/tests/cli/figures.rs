//! How quickly `serve` starts, and how much memory it takes.

use std::time::{Duration, Instant};

use crate::process::Server;
use crate::servers::{KEYS, marketplace};

/// The limit is for a machine that has nothing else to do. On a busy one a single start that meets it shows what the program
/// itself needs.
#[test]
fn serve_starts_within_50_milliseconds() {
    const LIMIT: Duration = Duration::from_millis(50);
    const TRIES: usize = 200;
    let start = |_| {
        let begun = Instant::now();
        // It has started when it has printed its address.
        let server = Server::start(marketplace(&["--target", "http://127.0.0.1:9/x"]).envs(KEYS));
        let taken = begun.elapsed();
        drop(server);
        taken
    };
    let mut slowest = Vec::new();
    let quick = (0..TRIES).map(start).find(|taken| {
        slowest.push(*taken);
        *taken < LIMIT
    });
    assert!(quick.is_some(), "no start of {TRIES} took less than {LIMIT:?}: {slowest:?}");
}

/// The limit is generous: it takes some 20 MB in a debug build.
#[cfg(target_os = "linux")]
#[test]
fn serve_takes_little_memory() {
    const LIMIT: u64 = 64 * 1024;
    let server = Server::start(marketplace(&["--target", "http://127.0.0.1:9/x"]).envs(KEYS));
    let page = crate::serve::get(&server, "/_marketplace?lang=zh", "Accept: text/html\r\n");
    assert_eq!(page.0, 200);
    let taken = resident_kilobytes(server.id());
    println!("{taken} kB");
    assert!(taken < LIMIT, "{taken} kB");
}

/// The memory of a process that is not swapped out.
#[cfg(target_os = "linux")]
fn resident_kilobytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
