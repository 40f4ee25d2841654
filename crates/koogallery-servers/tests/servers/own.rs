//! What single examples show.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use koogallery::AccessKeys;
use koogallery::key::{AccessKey, InterfaceType};
use koogallery::protocol::Protocol;
use koogallery::sqlite::rusqlite::Transaction;
use koogallery::tenant::TenantName;
use koogallery_simulator::LedgerProbe;

use crate::calls::purchase;
use crate::check::check;
use crate::process::exchange;
use crate::support::{Example, KEY, key};

/// The whole answer of a server that is asked for compressed ones.
fn compressible(address: SocketAddr, request_line: &str, body: &str) -> (u16, String) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{request_line} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (answer[9..12].parse().unwrap(), answer)
}

#[test]
fn an_existing_application_goes_on_and_its_layers_leave_the_callbacks_alone() {
    let guest = format!(r#"{{"name":"{}"}}"#, "a long name ".repeat(20));
    for name in ["axum_existing_app", "actix_existing_app"] {
        let example = Example::start(name, &[]);
        let address = example.server.address;
        let (status, greeting) = compressible(address, "POST /greetings", &guest);
        assert_eq!(status, 200, "{name}: {greeting}");
        assert!(greeting.to_lowercase().contains("\r\ncontent-encoding: gzip\r\n"), "{name}: {greeting}");
        let (status, _) = compressible(address, "POST /greetings", "no JSON");
        assert_eq!(status, 400, "{name}");
        let (status, answer) = compressible(address, "GET /saasproduce?activity=newInstance", "");
        assert_eq!(status, 200, "{name}: {answer}");
        assert!(answer.contains("\r\nBody-Sign: ") && answer.contains(r#""resultCode":"000001""#), "{name}: {answer}");
        assert!(!answer.to_lowercase().contains("content-encoding"), "{name}: {answer}");
    }
    for name in ["poem", "salvo", "warp", "rocket", "ntex"] {
        let (status, greeting) = compressible(Example::start(name, &[]).server.address, "GET /greetings/you", "");
        assert_eq!(status, 200, "{name}: {greeting}");
        assert!(greeting.ends_with("Hello you."), "{name}: {greeting}");
    }
}

#[test]
fn the_kits_paths_reach_the_callbacks() {
    for name in ["axum_existing_app", "actix_existing_app", "poem", "salvo", "warp", "rocket", "ntex"] {
        let example = Example::start(name, &[]);
        for path in ["/produceAPI/tenantSync", "/produceAPI/v2/authSync"] {
            let (status, answer) = compressible(example.server.address, &format!("POST /saasproduce{path}"), "{}");
            assert!(status == 200 && answer.contains(r#""resultCode":"00000"#), "{name}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_account_has_its_own_address_keys_and_instances() {
    let second = |key: &str| AccessKeys::new().with(InterfaceType::Basic, AccessKey::new(key).unwrap()).unwrap();
    let example = Example::start("multi_product", &[]);
    let url = example.url("/second/saasproduce");
    let probe = LedgerProbe::new(example.ledger().await).with_tenant(TenantName::new("second").unwrap());
    let report = check(&url, second("second-key"), Protocol::SaasV2, probe.clone()).await;
    assert!(report.is_ok() && report.failed_ids().is_empty(), "{}", report.to_text(false));
    // The first account's key opens nothing here.
    let report = check(&url, second(KEY), Protocol::SaasV2, probe).await;
    assert!(report.failed_ids().contains(&"A1"), "{}", report.to_text(false));
}

/// The code that a purchase under this key gets.
fn code(address: SocketAddr, key: &str, order: &str) -> String {
    let (_, answer) = exchange(address, &purchase(&AccessKey::new(key).unwrap(), order)).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    answer["resultCode"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    fs::write(&file, "old-key\n").unwrap();
    let example = Example::start("key_rotation", &["--keys", file.to_str().unwrap()]);
    let address = example.server.address;
    let codes =
        |order: &str| (code(address, "old-key", &format!("{order}A")), code(address, "new-key", &format!("{order}B")));
    let becomes = |keys: &str, order: &str, expected: (&str, &str)| {
        fs::write(&file, keys).unwrap();
        let began = Instant::now();
        loop {
            let codes = codes(order);
            if (&*codes.0, &*codes.1) == expected {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{keys}: {codes:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    becomes("old-key\n", "CS1", ("000000", "000001"));
    becomes("new-key,old-key\n", "CS2", ("000000", "000000"));
    becomes("new-key\n", "CS3", ("000001", "000000"));
    // What cannot be used changes nothing.
    fs::write(&file, ",").unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(codes("CS4"), ("000001".to_owned(), "000000".to_owned()));

    let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("new-key").unwrap()).unwrap();
    for profile in [Protocol::SaasV2, Protocol::SaasV1] {
        let probe = LedgerProbe::new(example.ledger().await);
        let report = check(&example.url("/saasproduce"), keys.clone(), profile, probe).await;
        assert!(report.is_ok() && report.failed_ids().is_empty(), "{}", report.to_text(false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_work_survives_a_crash_without_another_call() {
    let example = Example::start("queue_first", &["--opening-time", "1500"]);
    let address = example.server.address;
    let call = std::thread::spawn(move || exchange(address, &purchase(&key(), "CS1")));
    std::thread::sleep(Duration::from_millis(700));
    let example = example.restart(&[]);
    let answer = call.join().unwrap();
    assert!(answer.is_none(), "the server was killed before its answer");
    let database = example.database();
    let began = Instant::now();
    loop {
        let count = |transaction: &Transaction<'_>| {
            transaction.query_row("SELECT count(*) FROM account", [], |row| row.get::<_, i64>(0))
        };
        if database.transaction(count).await.unwrap() == 1 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "the work is lost");
        std::thread::sleep(Duration::from_millis(50));
    }
}
