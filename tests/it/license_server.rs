//! `kill -9` of the License server between its answer and the upload.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::Credentials;
use koogallery::signature::{aksk, callback_v2};
use serde_json::{Value, json};

use crate::process::{Server, example, exchange, serve_in_background};
use crate::support::{KEY, key, nonce, purchase};

const ROUNDS: usize = 12;
const APPLICATIONS_PER_ROUND: usize = 4;

const ORDER: &str = r#"{"resultCode":"MKT.0000","orderInfo":{"orderId":"CS1","orderType":"NEW","orderLine":[
    {"orderLineId":"CS1-000001","chargingMode":"PERIOD","productInfo":[{"productId":"OFFI1"}]}]}}"#;

/// What was uploaded for each event, in order.
type Uploads = Arc<Mutex<HashMap<String, Vec<String>>>>;

/// Verifies the signature; knows the one order, and takes Licenses: every third upload fails before, some answers after that.
async fn receive(State(uploads): State<Uploads>, request: Request<Body>) -> Response<Body> {
    static UPLOADS: AtomicU32 = AtomicU32::new(0);
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let event = parts.uri.path().split('/').rev().nth(1).unwrap().to_owned();
    let credentials = Credentials::new("AK", "SK").unwrap();
    aksk::verify(&parts, &body, &credentials, SystemClock.now()).expect("signed rightly");
    if parts.uri.path().ends_with("/order/query") {
        return Response::new(Body::from(ORDER));
    }
    let count = UPLOADS.fetch_add(1, Ordering::Relaxed);
    let failed = || Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::from("<html>")).unwrap();
    if count % 3 == 1 {
        return failed();
    }
    let text = String::from_utf8(body.to_vec()).unwrap();
    let license = text.split(r#""characters":""#).nth(1).unwrap().split('"').next().unwrap();
    uploads.lock().unwrap().entry(event).or_default().push(license.to_owned());
    if count % 5 == 2 {
        return failed();
    }
    Response::new(Body::from(json!({"error_code": "CBC.0000", "error_msg": "Success"}).to_string()))
}

fn start(program: &Path, database: &Path, marketplace: SocketAddr, issuing_time: &str) -> Server {
    Server::start(
        Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--issuing-time", issuing_time, "--database"])
            .arg(format!("sqlite://{}", database.display()))
            .env("KOOGALLERY_BASIC_KEY", KEY)
            .env("KOOGALLERY_AK", "AK")
            .env("KOOGALLERY_SK", "SK")
            .env("KOOGALLERY_OPEN_API_URL", format!("http://{marketplace}")),
    )
}

/// A signed call; `None` if the server died meanwhile.
fn call(address: SocketAddr, body: &str) -> Option<Value> {
    let query = callback_v2::signed_query(&key(), &nonce(), SystemClock.now(), body.as_bytes());
    let length = body.len();
    let request =
        format!("POST /x?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    serde_json::from_slice(&exchange(address, &request)?.1).ok()
}

fn apply(event: &str) -> String {
    format!(
        r#"{{"activity":"getLicenseAsync","effectiveTime":"2025-01-01 00:00:00 z","eventId":"{event}","instanceId":"inst-1"}}"#
    )
}

#[test]
fn killed_between_answer_and_upload_every_application_ends_with_one_license() {
    let program = example("license_server");
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("licenses.db");
    let uploads = Uploads::default();
    let marketplace = serve_in_background(Router::new().fallback(receive).with_state(Arc::clone(&uploads)));

    let server = start(&program, &database, marketplace, "0");
    assert_eq!(call(server.address, &purchase("CS1", "inst-1")).unwrap()["resultCode"], "000000");
    server.kill();
    let mut accepted = Vec::new();
    let mut cut_off = 0;
    for round in 0..ROUNDS {
        // Longer than the deadline of the answer in some rounds, so that the upload comes after it.
        let server = start(&program, &database, marketplace, if round % 4 == 0 { "4500" } else { "40" });
        let address = server.address;
        let threads: Vec<_> = (0..APPLICATIONS_PER_ROUND)
            .map(|index| {
                let event = format!("event-{round}-{index}");
                std::thread::spawn(move || (event.clone(), call(address, &apply(&event))))
            })
            .collect();
        let until_killed = if round % 4 == 0 { 4200 } else { 15 + 10 * round as u64 };
        std::thread::sleep(Duration::from_millis(until_killed));
        server.kill();
        for thread in threads {
            match thread.join().unwrap() {
                (event, Some(answer)) => {
                    let code = answer["resultCode"].as_str().unwrap().to_owned();
                    assert!(["000000", "000004"].contains(&code.as_str()), "{event}: {answer}");
                    accepted.push(event);
                }
                (_, None) => cut_off += 1,
            }
        }
    }
    let delivered_before = uploads.lock().unwrap().len();
    assert!(cut_off > 0, "no call was cut off, so nothing was tested");
    assert!(delivered_before < accepted.len() + cut_off, "everything was delivered before the kills");

    // Nobody applies again: what was accepted is delivered from what was kept.
    let server = start(&program, &database, marketplace, "0");
    let deadline = Instant::now() + Duration::from_secs(150);
    let missing = |uploads: &Uploads| {
        let uploads = uploads.lock().unwrap();
        accepted.iter().filter(|event| !uploads.contains_key(*event)).count()
    };
    while missing(&uploads) > 0 {
        assert!(Instant::now() < deadline, "{} Licenses are not delivered", missing(&uploads));
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(server);
    let uploads = uploads.lock().unwrap();
    for (event, licenses) in uploads.iter() {
        assert!(licenses.iter().all(|license| license == &licenses[0]), "{event} has two Licenses: {licenses:?}");
    }
    println!(
        "{ROUNDS} kills, {} applications accepted, {cut_off} cut off, {delivered_before} delivered before the last start",
        accepted.len()
    );
}
