//! `kill -9` of the metered service, against a marketplace that fails, repeats and loses answers.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use futures_util::stream;
use koogallery::amount::Amount;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::signature::callback_v2;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::{Fault, FaultRule, Instance, OpenApiServer, RefusalForm};
use serde_json::json;

use crate::intake::{Fate, Intake};
use crate::process::{Server, example, exchange, serve_in_background};
use crate::support::{KEY, key};

const ROUNDS: u32 = 100;
const CALLS_PER_ROUND: u32 = 10;

/// Every push has another fate: taken, refused, lost before or after it was taken.
async fn receive(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    static PUSHES: AtomicU32 = AtomicU32::new(0);
    match PUSHES.fetch_add(1, Ordering::Relaxed) % 7 {
        1 => intake.fate(Fate::Lost),
        2 | 4 => intake.fate(Fate::AnswerLost),
        3 => intake.fate(Fate::Answered(500, json!({"error_code": "94060001"}))),
        5 => intake.fate(Fate::Answered(429, json!({"error_code": "APIGW.0308"}))),
        _ => {}
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else { return Response::new(Body::empty()) };
    intake.receive(&Request::from_parts(parts, body)).map_or_else(
        // The head goes out, and then the connection breaks.
        |_| Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]))),
        |response| response.map(Body::from),
    )
}

fn start(program: &Path, database: &Path, marketplace: SocketAddr) -> Server {
    Server::start(
        Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--period", "1", "--database"])
            .arg(format!("sqlite://{}", database.display()))
            .env("KOOGALLERY_BASIC_KEY", KEY)
            .env("KOOGALLERY_OPEN_API_URL", format!("http://{marketplace}")),
    )
}

/// Whether the call was acknowledged.
fn render(address: SocketAddr, call: u32) -> bool {
    let request = format!(
        "POST /render/inst-{} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: call-{call}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        call % 5
    );
    exchange(address, &request).is_some_and(|(status, _)| status == 200)
}

fn metric(address: SocketAddr, line: &str) -> String {
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let (_, metrics) = exchange(address, request).unwrap();
    let metrics = String::from_utf8(metrics).unwrap();
    let value = metrics.lines().find_map(|metric| metric.strip_prefix(line)).unwrap_or_else(|| panic!("{metrics}"));
    value.trim().to_owned()
}

#[test]
fn killed_a_hundred_times_the_sum_delivered_is_the_sum_recorded() {
    let program = example("metered_service");
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("metered.db");
    let intake = Intake::default();
    let marketplace = serve_in_background(Router::new().fallback(receive).with_state(intake.clone()));

    let mut unacknowledged: Vec<u32> = Vec::new();
    let mut cut_off = 0;
    for round in 0..ROUNDS {
        let server = start(&program, &database, marketplace);
        let fresh = round * CALLS_PER_ROUND..(round + 1) * CALLS_PER_ROUND;
        let calls: Vec<u32> = unacknowledged.drain(..).chain(fresh).collect();
        let address = server.address;
        let threads: Vec<_> = calls
            .chunks(calls.len().div_ceil(4))
            .map(|calls| {
                let calls = calls.to_vec();
                std::thread::spawn(move || calls.into_iter().filter(|&call| !render(address, call)).collect::<Vec<_>>())
            })
            .collect();
        // From during the first recordings to during a push.
        std::thread::sleep(Duration::from_millis(u64::from(round * 37 % 400)));
        server.kill();
        unacknowledged = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        cut_off += unacknowledged.len();
    }
    assert!(cut_off > 0, "no call was cut off, so nothing was tested");
    let delivered_between = intake.total();
    assert!(delivered_between > Amount::ZERO, "nothing was delivered between the kills, so no push was cut off");

    let server = start(&program, &database, marketplace);
    assert!(unacknowledged.into_iter().all(|call| render(server.address, call)));
    let deadline = Instant::now() + Duration::from_secs(60);
    let waiting = |state: &str| metric(server.address, &format!("koogallery_usage_records{{state=\"{state}\"}}"));
    while waiting("open") != "0" || waiting("pending") != "0" {
        assert!(Instant::now() < deadline, "{} open, {} pending", waiting("open"), waiting("pending"));
        std::thread::sleep(Duration::from_millis(100));
    }
    let recorded = Amount::from(ROUNDS * CALLS_PER_ROUND);
    assert_eq!(intake.total(), recorded);
    assert_eq!(metric(server.address, "koogallery_usage_amount{state=\"delivered\"}"), recorded.to_string());
    let pushes = intake.pushes.lock().unwrap().len();
    println!(
        "{ROUNDS} kills, {cut_off} calls cut off, {pushes} pushes, {delivered_between} of {recorded} units delivered between the kills"
    );
}

#[test]
fn queries_are_answered_with_what_was_used() {
    let program = example("metered_service");
    let folder = tempfile::tempdir().unwrap();
    let marketplace = serve_in_background(Router::new().fallback(receive).with_state(Intake::default()));
    let server = start(&program, &folder.path().join("metered.db"), marketplace);
    let call = |body: &str| {
        let query = callback_v2::signed_query(&key(), &crate::support::nonce(), SystemClock.now(), body.as_bytes());
        let request = format!(
            "POST /saasproduce?{query} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        serde_json::from_slice::<serde_json::Value>(&exchange(server.address, &request).unwrap().1).unwrap()
    };
    assert_eq!(call(&crate::support::purchase("CS1", "inst-1"))["resultCode"], "000000");
    let used = || {
        let info = &call(r#"{"activity":"queryInstance","instanceId":"inst-1"}"#)["info"][0]["usageInfo"];
        assert_eq!(info.as_array().unwrap().len(), 1);
        info[0]["usageValue"].to_string()
    };
    assert_eq!(used(), "0");
    // Of 12 calls, one is repeated, and the others are of four more instances.
    assert!([1, 6, 6, 2, 3, 4, 5, 11, 7, 8, 9, 10].into_iter().all(|number| render(server.address, number)));
    assert_eq!(used(), "3");
}

/// Kills for each form of an answer.
const KILLS: u32 = 6;

/// A desk that knows four of the five instances, so that every push has a bad record, and loses requests and answers.
fn failing_desk(form: RefusalForm) -> OpenApiServer {
    let open_api = OpenApiServer::builder().access_keys(key()).build();
    for index in 0..4 {
        open_api.put_instance(Instance::on_demand(format!("inst-{index}"), Timestamp::from_unix_millis(0)));
    }
    open_api.add_fault(FaultRule::new(Fault::RefusalForm(form)));
    for fault in [Fault::LostRequest, Fault::LostAnswer, Fault::ServerError(500), Fault::TruncatedAnswer] {
        open_api.add_fault(FaultRule::new(fault).with_percent(10));
    }
    open_api
}

async fn receive_at_desk(State(open_api): State<OpenApiServer>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else { return Response::new(Body::empty()) };
    open_api.receive(Request::from_parts(parts, body)).answer.map_or_else(
        |_| Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]))),
        |response| response.map(Body::from),
    )
}

fn killed_under(form: RefusalForm, program: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("metered.db");
    let open_api = failing_desk(form);
    let marketplace = serve_in_background(Router::new().fallback(receive_at_desk).with_state(open_api.clone()));
    let mut unacknowledged: Vec<u32> = Vec::new();
    for round in 0..KILLS {
        let server = start(program, &database, marketplace);
        unacknowledged.extend(round * CALLS_PER_ROUND..(round + 1) * CALLS_PER_ROUND);
        unacknowledged.retain(|call| !render(server.address, *call));
        // Long enough for a period to end, so that the kill comes between pushes, or in one.
        std::thread::sleep(Duration::from_millis(u64::from(1100 + round * 137 % 500)));
        server.kill();
    }
    let pushes_between = open_api.log().len();
    assert!(pushes_between > 0, "{form}: nothing was pushed between the kills");

    let server = start(program, &database, marketplace);
    assert!(unacknowledged.into_iter().all(|call| render(server.address, call)));
    let records = |state: &str| metric(server.address, &format!("koogallery_usage_records{{state=\"{state}\"}}"));
    let amount = |state: &str| metric(server.address, &format!("koogallery_usage_amount{{state=\"{state}\"}}"));
    let waits_for = |states: &[&str]| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while states.iter().any(|state| records(state) != "0") {
            assert!(Instant::now() < deadline, "{form}: {states:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let taken = || crate::intake::sum(open_api.usage().iter().map(|usage| usage.usage_value));
    // As long as answers are in this form, everything is settled or held.
    waits_for(&["open", "pending"]);
    assert_eq!(records("fix"), "0", "{form}");
    let delivered: Amount = amount("delivered").parse().unwrap();
    assert!(delivered <= taken(), "{form}: {delivered} delivered without evidence");
    let held = records("held");
    open_api.clear_faults();
    waits_for(&["open", "pending", "held"]);
    let recorded = Amount::from(KILLS * CALLS_PER_ROUND);
    let good = Amount::from_ten_thousandths(i64::try_from(recorded.ten_thousandths().unwrap()).unwrap() / 5 * 4);
    assert_eq!((taken(), amount("delivered")), (good, good.to_string()), "{form}");
    assert_eq!(amount("dead"), (KILLS * CALLS_PER_ROUND / 5).to_string(), "{form}");
    println!(
        "{form}: {KILLS} kills, {pushes_between} pushes between them, {held} records held at the end of it, 0 lost"
    );
}

#[test]
fn killed_under_every_form_of_answer_nothing_is_lost_and_nothing_doubled() {
    let program = example("metered_service");
    let forms = std::sync::Mutex::new(RefusalForm::ALL.to_vec());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let form = forms.lock().unwrap().pop();
                    let Some(form) = form else { return };
                    killed_under(form, &program);
                }
            });
        }
    });
}
