//! `kill -9` of the example server during creations.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use koogallery::clock::{Clock as _, SystemClock};
use koogallery::signature::callback_v2;
use serde_json::Value;

use crate::process::{Server, example, exchange};
use crate::support::{KEY, key, nonce, purchase, v1_purchase, v1_query};

const ROUNDS: usize = 8;
const ORDERS_PER_ROUND: usize = 6;

fn start(program: &Path, database: &Path) -> Server {
    Server::start(
        Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--opening-time", "60", "--database"])
            .arg(format!("sqlite://{}", database.display()))
            .env("KOOGALLERY_BASIC_KEY", KEY),
    )
}

fn call(address: SocketAddr, request: String) -> Option<Value> {
    serde_json::from_slice(&exchange(address, &request)?.1).ok()
}

/// Odd orders speak V1.0, even ones V2.0. Every try carries another business id, as those of the marketplace do.
fn create(address: SocketAddr, order: usize, attempt: usize) -> Option<Value> {
    let order_id = format!("CS{order}");
    let business_id = format!("biz-{order}-{attempt}");
    let request = if order % 2 == 1 {
        let query = v1_query(&key(), &v1_purchase(&order_id, &business_id), SystemClock.now());
        format!("GET /x?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    } else {
        v2_request(&purchase(&order_id, &business_id))
    };
    call(address, request)
}

fn v2_request(body: &str) -> String {
    let query = callback_v2::signed_query(&key(), &nonce(), SystemClock.now(), body.as_bytes());
    let length = body.len();
    format!("POST /x?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

#[test]
fn killed_after_an_answer_it_still_knows_the_call() {
    let program = example("isv_server");
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("killed.db");
    let server = start(&program, &database);
    let answer_to = |server: &Server, request: &str| call(server.address, request.to_owned()).unwrap();
    assert_eq!(answer_to(&server, &v2_request(&purchase("CS0", "b")))["resultCode"], "000000");
    let status = |to| v2_request(&format!(r#"{{"activity":"updateInstanceStatus","instanceId":"b","status":"{to}"}}"#));
    let query = v2_request(r#"{"activity":"queryInstance","instanceId":"b"}"#);
    let (freeze, unfreeze) = (status("FREEZE"), status("NORMAL"));
    for request in [&query, &freeze, &unfreeze] {
        assert_eq!(answer_to(&server, request)["resultCode"], "000000");
    }
    server.kill();

    let server = start(&program, &database);
    assert_eq!(answer_to(&server, &query)["resultCode"], "000002", "access data are shown once");
    assert_eq!(answer_to(&server, &freeze)["resultCode"], "000000");
    let listing = "GET /admin/instances HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(answer_to(&server, listing)[0]["state"], "active", "an old freeze does not freeze again");
}

#[test]
fn killed_during_creations_every_order_ends_with_one_instance_and_its_first_id() {
    let program = example("isv_server");
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
        let server = start(&program, &database);
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

    let server = start(&program, &database);
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
