//! `kill -9` of the example server during creations.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use koogallery::clock::{Clock as _, SystemClock};
use koogallery::signature::callback_v2;
use serde_json::Value;

use crate::support::{KEY, key, nonce, purchase, v1_purchase, v1_query};

const ROUNDS: usize = 8;
const ORDERS_PER_ROUND: usize = 6;

/// Builds the example beside this test (a no-op where `cargo test` has done so) and tells where it is.
fn example_server() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let profile = deps.ancestors().nth(2).unwrap().to_owned();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--all-features", "--example", "isv_server", "--target-dir"]);
    build.arg(profile.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
    profile.join("examples/isv_server")
}

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(program: &Path, database: &Path) -> Self {
        let mut process = Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--opening-time", "60", "--database"])
            .arg(format!("sqlite://{}", database.display()))
            .env("KOOGALLERY_BASIC_KEY", KEY)
            .env_remove("KOOGALLERY_V1_KEY")
            .env_remove("KOOGALLERY_SITE")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { process, address }
    }

    /// `kill -9`: no destructor runs, no buffer is flushed.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One call; `None` if the server died meanwhile.
fn call(address: SocketAddr, request: String) -> Option<Value> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let start = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    serde_json::from_slice(&answer[start..]).ok()
}

/// Odd orders speak V1.0, even ones V2.0. Every try carries another business id, as those of the marketplace do.
fn create(address: SocketAddr, order: usize, attempt: usize) -> Option<Value> {
    let order_id = format!("CS{order}");
    let business_id = format!("biz-{order}-{attempt}");
    let request = if order % 2 == 1 {
        let query = v1_query(&key(), &v1_purchase(&order_id, &business_id), SystemClock.now());
        format!("GET /x?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    } else {
        let body = purchase(&order_id, &business_id);
        let nonce = format!("{}{order}", nonce());
        let query = callback_v2::signed_query(&key(), &nonce, SystemClock.now(), body.as_bytes());
        let length = body.len();
        format!("POST /x?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    };
    call(address, request)
}

#[test]
fn killed_during_creations_every_order_ends_with_one_instance_and_its_first_id() {
    let program = example_server();
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("killed.db");
    let mut first_ids: HashMap<usize, String> = HashMap::new();
    let mut note = |order: usize, answer: &Value| {
        if let Some(id) = answer["instanceId"].as_str() {
            assert_eq!(first_ids.entry(order).or_insert_with(|| id.to_owned()), id, "order {order}");
        }
    };

    let mut cut_off = 0;
    for round in 0..ROUNDS {
        let server = Server::start(&program, &database);
        let orders: Vec<usize> = (0..ORDERS_PER_ROUND).map(|index| round * ORDERS_PER_ROUND + index).collect();
        let calls: Vec<_> = orders
            .iter()
            .map(|&order| {
                let address = server.address;
                std::thread::spawn(move || (order, create(address, order, 0)))
            })
            .collect();
        // From before the first note in the ledger to after the last.
        std::thread::sleep(Duration::from_millis(10 + 15 * round as u64));
        server.kill();
        for call in calls {
            match call.join().unwrap() {
                (order, Some(answer)) => note(order, &answer),
                (_, None) => cut_off += 1,
            }
        }
    }
    assert!(cut_off > 0, "no call was cut off, so nothing was tested");

    let server = Server::start(&program, &database);
    let deadline = Instant::now() + Duration::from_secs(60);
    for order in 0..ROUNDS * ORDERS_PER_ROUND {
        for attempt in 1.. {
            assert!(Instant::now() < deadline, "order {order} does not get done");
            let answer = create(server.address, order, attempt).expect("nobody kills the server now");
            note(order, &answer);
            if answer["resultCode"] == "000000" {
                break;
            }
            assert_eq!(answer["resultCode"], "000004", "order {order}: {answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    let listing = "GET /admin/instances HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned();
    let listed = call(server.address, listing).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), ROUNDS * ORDERS_PER_ROUND);
    for instance in listed {
        let order: usize = instance["orderId"].as_str().unwrap()[2..].parse().unwrap();
        assert_eq!(instance["instanceId"].as_str(), first_ids.get(&order).map(String::as_str));
        assert_eq!(instance["state"], "active");
    }
}
