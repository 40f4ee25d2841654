//! `load`: purchases at a fixed rate, over sockets.

use std::collections::HashSet;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::servers::{Example, KEYS, raw_server, read_request};
use crate::support::{BASIC, Run, file, run};

const CONFIRMED: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 45\r\n\r\n\
                         {\"resultCode\":\"000000\",\"resultMsg\":\"success\"}";
const REFUSED: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 45\r\n\r\n\
                       {\"resultCode\":\"000005\",\"resultMsg\":\"trouble\"}";

fn load(keys: &[(&str, &str)], url: &str, more: &[&str]) -> Run {
    run(keys, &[&["load", url], more].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{run:?}"))
}

/// Answers all requests of a connection in the same way, each after a pause.
fn answering(answer: &'static str, pause: Duration) -> (String, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    let address = raw_server(move |mut stream| {
        loop {
            let request = read_request(&mut stream);
            if request.is_empty() {
                return;
            }
            requests.lock().unwrap().push(String::from_utf8(request).unwrap());
            std::thread::sleep(pause);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (format!("http://{address}/x"), seen)
}

#[test]
fn a_server_confirms_each_of_many_purchases() {
    let seller = Example::start("isv_server", &[]);
    let url = seller.url("/saasproduce");
    for profile in ["saas-v2", "saas-v1", "license-v1"] {
        let plot = tempfile::NamedTempFile::new().unwrap();
        let options = ["--rate", "100", "--duration", "1s", "--orders", "3", "--format", "json", "--profile", profile];
        let ran = load(&KEYS, &url, &[&options[..], &["--svg", plot.path().to_str().unwrap()]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let report = json(&ran);
        assert_eq!((&report["due"], &report["confirmed"]), (&100.into(), &100.into()), "{report:#}");
        assert_eq!(report["others"], serde_json::json!({}));
        assert!(report["latency"]["p99"].as_f64() >= report["serviceTime"]["p50"].as_f64(), "{report:#}");
        let svg = std::fs::read_to_string(plot.path()).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        assert_eq!(document.descendants().filter(|node| node.has_tag_name("polyline")).count(), 2);
    }
    let instances = load(&KEYS, &url, &["--rate", "50", "--duration", "1s", "--orders", "0", "--test"]);
    instances.says(0, "confirmed: 50 of 50");
    assert!(instances.err.contains("50 signed purchases of SaaS V2.0"), "{instances:?}");
    assert!(instances.err.contains("each of another order, marked as tests"), "{instances:?}");
}

#[test]
fn calls_are_distinct_and_keep_their_connections() {
    let (url, seen) = answering(CONFIRMED, Duration::ZERO);
    load(&BASIC, &url, &["--rate", "200", "--duration", "1s", "--connections", "2"]).says(0, "confirmed: 200 of 200");
    let requests = seen.lock().unwrap();
    let lines: HashSet<&str> = requests.iter().filter_map(|request| request.lines().next()).collect();
    let bodies: HashSet<&str> = requests.iter().filter_map(|request| request.lines().last()).collect();
    assert_eq!((requests.len(), lines.len(), bodies.len()), (200, 200, 200));
    let order = |body: &&str| serde_json::from_str::<Value>(body).unwrap()["orderId"].clone();
    assert_eq!(bodies.iter().map(order).collect::<HashSet<_>>().len(), 1);
}

/// One connection at 100 ms a call has room for 10 a second; what is due meanwhile waits, and that counts.
#[test]
fn latency_counts_from_the_time_at_which_a_call_was_due() {
    let (url, _) = answering(CONFIRMED, Duration::from_millis(100));
    let ran = load(&BASIC, &url, &["--rate", "40", "--duration", "2s", "--connections", "1", "--format", "json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = json(&ran);
    let (confirmed, not_sent) = (report["confirmed"].as_u64().unwrap(), report["notSent"].as_u64().unwrap());
    assert_eq!(confirmed + not_sent, 80, "{report:#}");
    assert!(confirmed <= 31, "{report:#}");
    // 30 calls take three seconds, and the last of them was due in the first.
    assert!(report["latency"]["max"].as_f64().unwrap() > 1000.0, "{report:#}");
    assert!(report["latency"]["max"].as_f64() > report["serviceTime"]["max"].as_f64(), "{report:#}");
    assert!(report["serviceTime"]["p50"].as_f64().unwrap() >= 99.0, "{report:#}");
}

#[test]
fn other_answers_are_counted_by_their_kind() {
    let few = ["--rate", "20", "--duration", "500ms"];
    let (url, _) = answering(REFUSED, Duration::ZERO);
    load(&BASIC, &url, &few).says(1, "10 times: 000005");
    let closing = raw_server(|mut stream| drop(read_request(&mut stream)));
    load(&BASIC, &format!("http://{closing}/x"), &few).says(1, "10 times: the connection was cut off");
    // V1.0 signs its answers.
    let (url, _) = answering(CONFIRMED, Duration::ZERO);
    let unsigned = load(&BASIC, &url, &[&few[..], &["--profile", "saas-v1"]].concat());
    unsigned.says(1, "10 times: Body-Sign is missing or wrong");
}

#[test]
fn what_cannot_be_measured() {
    load(&BASIC, "http://192.0.2.1/x", &[]).says(2, "--i-own-this-host");
    load(&BASIC, "http://127.0.0.1:1/x", &[]).says(2, "nothing was sent: no connection");
    load(&[], "http://127.0.0.1:1/x", &[]).says(2, "KOOGALLERY_BASIC_KEY");
    load(&KEYS, "http://127.0.0.1:1/x", &["--profile", "kit-v2"]).says(2, "has no purchases");
    load(&BASIC, "http://127.0.0.1:1/x", &["--profile", "kit-v2"]).says(2, "KOOGALLERY_KIT_KEY");
    for rate in ["0", "-1", "nan", "1e300"] {
        let rate = format!("--rate={rate}");
        load(&BASIC, "http://127.0.0.1:1/x", &[&rate]).says(2, "rate and duration give no number of calls");
    }
    let folder = file(b"");
    let (url, _) = answering(CONFIRMED, Duration::ZERO);
    let inside = folder.path().join("plot.svg");
    let ran = load(&BASIC, &url, &["--rate", "20", "--duration", "100ms", "--svg", inside.to_str().unwrap()]);
    assert!(ran.code == 2 && ran.err.contains("plot.svg"), "{ran:?}");
}
