//! Scenarios on the console of `serve`: checked, run, and recorded from what was done.

use serde_json::Value;

use crate::process::Server;
use crate::serve::{eventually, get, json, post};
use crate::servers::{Example, KEYS, marketplace};
use crate::support::{file, run};

fn with_seller() -> (Server, Example) {
    let seller = Example::start("isv_server", &[]);
    (Server::start(marketplace(&["--target", &seller.url("/saasproduce")]).envs(KEYS)), seller)
}

pub fn encoded(text: &str) -> String {
    let escaped = |byte: &u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    format!("text={}", text.as_bytes().iter().map(escaped).collect::<String>())
}

#[test]
fn a_scenario_is_checked_and_run() {
    let (server, _seller) = with_seller();
    let validated = |text: &str| -> Value {
        let (status, said) = post(&server, "/_marketplace/scenarios/validate", &encoded(text), "");
        assert_eq!(status, 200, "{said}");
        serde_json::from_str(&said).unwrap()
    };
    // Blank lines and line ends of browsers count too.
    let said = validated("\r\n\r\n[[step]]\r\nbuy = \"first\"\r\nperoid = \"1 month\"\r\n");
    assert!(said["problem"].as_str().is_some_and(|it| it.starts_with("5:1: unknown key peroid")), "{said}");
    let scenario = "[[step]]\nbuy = \"first\"\nperiod = \"1 month\"\n\n[[step]]\npass = \"60d\"\n\n\
                    [[step]]\nquery = \"first\"\n";
    assert_eq!(validated(scenario), serde_json::json!({"isValid": true, "steps": 3}));

    let (status, said) = post(&server, "/_marketplace/scenarios", &encoded("[[step]]"), "");
    assert!(status == 400 && said.starts_with("1:1: the step does nothing"), "{said}");
    let (status, begun) = post(&server, "/_marketplace/scenarios", &encoded(scenario), "");
    assert_eq!((status, begun.trim()), (202, "{\"number\":1}"));
    let done = eventually(&server, "/_marketplace/scenarios/1", |run| run["isDone"] == true);
    let wrong: Vec<_> = done["steps"].as_array().unwrap().iter().map(|step| step["wrong"].is_null()).collect();
    // It has been released.
    assert_eq!(wrong, [true, true, false], "{done}");
    assert_eq!(json(&server, "/_marketplace/subscriptions")[0]["state"], "released");
    assert_eq!(get(&server, "/_marketplace/scenarios/2", "").0, 404);
    let (status, saved) = post(&server, "/_marketplace/scenarios/file", &encoded("a = 1\r\n"), "");
    assert_eq!((status, &*saved), (200, "a = 1\n"));
}

/// Runs are kept, and may be of any size.
#[test]
fn a_run_keeps_the_first_calls_of_a_step() {
    let (server, _seller) = with_seller();
    let scenario = "[[step]]\ncall = \"releaseInstance\"\nprofile = \"saas-v2\"\nat_once = 25\n";
    assert_eq!(post(&server, "/_marketplace/scenarios", &encoded(scenario), "").0, 202);
    let done = eventually(&server, "/_marketplace/scenarios/1", |run| run["isDone"] == true);
    let step = &done["steps"][0];
    assert_eq!((step["calls"].as_array().map(Vec::len), &step["moreCalls"]), (Some(20), &5.into()), "{done}");
    assert_eq!(get(&server, "/_marketplace/calls/25", "").0, 200, "all of them are in the log");
    let page = get(&server, "/_marketplace/scenarios/1", "Accept: text/html\r\n").1;
    assert!(page.contains("<li>5 more calls are in the log"), "{page}");
}

#[test]
fn what_was_done_is_a_scenario_that_runs_anywhere() {
    let (server, seller) = with_seller();
    assert_eq!(post(&server, "/_marketplace/orders", "profile=saas-v2&period=1+month&amount=5", "").0, 202);
    let sold = eventually(&server, "/_marketplace/subscriptions", |sold| sold[0]["state"] == "active");
    let id = sold[0]["instanceId"].as_str().unwrap();
    for (what, form) in [("renew", ""), ("freeze", ""), ("unfreeze", ""), ("upgrade", "period=1+month&amount=9")] {
        assert_eq!(post(&server, &format!("/_marketplace/subscriptions/{id}/{what}"), form, "").0, 202, "{what}");
    }
    let call = "profile=saas-v2&activity=newInstance&message=%7B%22orderId%22%3A%22CS-1%22%2C%22orderLineId%22%3A%22CS-1-000001%22%7D";
    assert_eq!(post(&server, "/_marketplace/calls", call, "").0, 202);
    assert_eq!(post(&server, "/_marketplace/clock", "by=1h", "").0, 202);
    let (status, recorded) = get(&server, "/_marketplace/scenarios/recorded.toml", "");
    assert_eq!((status, recorded.matches("[[step]]").count()), (200, 7), "{recorded}");

    let script = file(recorded.as_bytes());
    let path = script.path().to_str().unwrap();
    let run = run(&KEYS, &["scenario", path, "--url", &seller.url("/saasproduce")]);
    assert!(run.code == 0 && run.out.contains("7 steps, 0 wrong"), "{run:?}");
}
