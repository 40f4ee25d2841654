//! Everything that can be clicked on the console of `serve` is recorded, and comes to the same anywhere.

use serde_json::Value;

use crate::process::Server;
use crate::scripting::encoded;
use crate::serve::{eventually, get, json, post};
use crate::servers::{Example, KEYS, marketplace};
use crate::support::{file, run};

const PRIVATE_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/keys/test_rsa_3072.pem");
const BROWSER: &str = "Accept: text/html\r\n";

fn seller() -> Example {
    Example::with("isv_server", &["--allow-http", "true"], &[])
}

fn serving(seller: &Example) -> Server {
    let mut command = marketplace(&["--target", &seller.url("/saasproduce")]);
    Server::start(command.envs(KEYS).env("KOOGALLERY_RSA_PRIVATE_KEY_FILE", PRIVATE_KEY))
}

/// As a browser: it does not wait until a refused call is given up.
fn click(server: &Server, path: &str, form: &str) {
    let (status, said) = post(server, &format!("/_marketplace/{path}"), form, BROWSER);
    assert!(matches!(status, 200 | 303), "{path} {form}: {status} {said}");
}

fn calls(server: &Server) -> Vec<String> {
    let log = json(server, "/_marketplace/log");
    let shown = |call: &Value| {
        let code = call["outcome"].as_str().unwrap().split([',', ':']).next().unwrap().to_owned();
        format!("{} {} {} {code}", call["profile"], call["activity"], call["try"])
    };
    log["calls"].as_array().unwrap().iter().map(shown).collect()
}

fn requests(server: &Server) -> Vec<String> {
    let log = json(server, "/_marketplace/log");
    let shown =
        |call: &Value| format!("{} {} {} {}", call["request"], call["status"], call["code"], call["explanation"][0]);
    log["openApi"].as_array().unwrap().iter().map(shown).collect()
}

/// Waits until the latest call is this one.
fn until(server: &Server, count: usize, activity: &str) {
    let is_last = |log: &Value| {
        let calls = log["calls"].as_array().unwrap();
        calls.len() == count && calls[count - 1]["activity"] == activity
    };
    eventually(server, "/_marketplace/log", is_last);
}

fn id_of(server: &Server, mode: &str) -> String {
    let is_sold = |sold: &Value| sold["chargingMode"] == mode && sold["state"] == "active";
    let sold = eventually(server, "/_marketplace/subscriptions", |sold| sold.as_array().unwrap().iter().any(is_sold));
    sold.as_array().unwrap().iter().find(|sold| is_sold(sold)).unwrap()["instanceId"].as_str().unwrap().to_owned()
}

fn click_everything(server: &Server) {
    // Usage: accepted, repeated, with a wrong key, and with its answer lost.
    click(server, "orders", "profile=saas-v2&mode=on-demand");
    let by_use = id_of(server, "ON_DEMAND");
    for form in ["value=12.5&metering_sn=sn-1", "value=12.5&metering_sn=sn-1", "value=1&wrong_key=on"] {
        click(server, "usage", &format!("instance={by_use}&{form}"));
    }
    click(server, "faults", "fault=lost-answer&api=push-usage&times=1");
    click(server, "usage", &format!("instance={by_use}&value=3&metering_sn=sn-2"));
    click(server, "instances", "instance=inst-9&product=OFFI9");
    click(server, "usage", "product=OFFI9&value=0.25");
    // Callbacks: twice, out of order, and with an answer lost, after which the clock is moved to the next try.
    click(server, "faults/callbacks", "fault=duplicate&activity=newInstance&times=1");
    click(server, "orders", "profile=saas-v2&period=1+month&amount=5");
    let id = id_of(server, "PERIOD");
    let change = |what: &str, form: &str| click(server, &format!("subscriptions/{id}/{what}"), form);
    until(server, 5, "queryInstance");
    click(server, "faults/callbacks", "fault=out-of-order&activity=updateInstanceStatus&times=1");
    std::thread::scope(|scope| {
        scope.spawn(|| change("freeze", ""));
        eventually(server, "/_marketplace/subscriptions", |sold| {
            sold.as_array().unwrap().iter().any(|sold| sold["state"] == "frozen")
        });
        change("query", "");
    });
    until(server, 7, "updateInstanceStatus");
    change("unfreeze", "");
    click(server, "faults/callbacks", "fault=lost-answer&activity=upgradeInstance&times=1");
    change("upgrade", "period=1+month&amount=9");
    click(server, "clock", "by=1h");
    until(server, 10, "upgradeInstance");
    click(server, "faults", "fault=slow&value=1ms");
    click(server, "faults/clear", "");
    // Calls that are edited, forged, and sent again.
    let message = "message=%7B%22activity%22%3A%22queryInstance%22%2C%22instanceId%22%3A%22ID%22%7D".replace("ID", &id);
    click(server, "calls", &format!("profile=saas-v2&activity=queryInstance&{message}"));
    click(server, "calls", "profile=saas-v2&activity=newInstance&message=%7B%22activity%22%3A%22newInstance%22%7D");
    click(server, "calls", &format!("profile=saas-v2&activity=queryInstance&wrong_key=on&{message}"));
    click(server, "calls/11/repeat", "");
    // Enterprises.
    click(server, "tenants", "tenant=t-1&callback=http://127.0.0.1:1/sso&secret=not-to-be-saved");
    click(server, "tenants/t-1/users", "users=lihua:Li+Hua");
    click(server, "tenants/t-1/login", "user=lihua");
    click(server, "tenants/t-1/unbind", "");
    click(server, "clock", "by=60d");
    eventually(server, "/_marketplace/log", |log| {
        let calls = log["calls"].as_array().unwrap();
        calls.iter().any(|call| call["activity"] == "releaseInstance")
    });
}

#[test]
fn whatever_is_clicked_comes_to_the_same_on_a_fresh_marketplace() {
    let first = seller();
    let recorded_on = serving(&first);
    click_everything(&recorded_on);
    let (status, recorded) = get(&recorded_on, "/_marketplace/scenarios/recorded.toml", "");
    assert_eq!(status, 200);
    assert!(!recorded.contains("not-to-be-saved"), "{recorded}");
    for step in
        ["push_usage", "fault", "callback_fault", "clear_faults", "open", "repeat", "bind", "add_users", "unbind"]
    {
        assert!(recorded.contains(&format!("\n{step} = ")), "{step}: {recorded}");
    }

    let second = seller();
    let fresh = serving(&second);
    assert_eq!(post(&fresh, "/_marketplace/scenarios", &encoded(&recorded), "").0, 202);
    let done = eventually(&fresh, "/_marketplace/scenarios/1", |run| run["isDone"] == true);
    let wrong: Vec<_> = done["steps"].as_array().unwrap().iter().filter(|step| !step["wrong"].is_null()).collect();
    assert!(wrong.is_empty() && done["problem"].is_null(), "{wrong:#?} {}\n{recorded}", done["problem"]);
    assert_eq!(calls(&fresh), calls(&recorded_on), "{recorded}");
    assert_eq!(requests(&fresh), requests(&recorded_on), "{recorded}");

    // From a terminal as well.
    let third = seller();
    let script = file(recorded.as_bytes());
    let keys: Vec<_> = KEYS.into_iter().chain([("KOOGALLERY_RSA_PRIVATE_KEY_FILE", PRIVATE_KEY)]).collect();
    let run = run(&keys, &["scenario", script.path().to_str().unwrap(), "--url", &third.url("/saasproduce")]);
    assert!(run.code == 0 && run.out.contains(" 0 wrong"), "{run:?}");
}
