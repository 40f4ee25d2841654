//! What the console of `serve` shows and does beyond selling, as scripts use it.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use serde_json::Value;

use crate::process::Server;
use crate::serve::{eventually, get, json, post};
use crate::servers::{KEYS, answering, marketplace, sent};

/// A seller that refuses, and a marketplace that calls it.
fn refused() -> Server {
    let refusing = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 39\r\n\r\n\
         {\"resultCode\":\"000001\",\"resultMsg\":\"x\"}",
    );
    Server::start(marketplace(&["--target", &format!("http://{refusing}/x")]).envs(KEYS))
}

fn sent_call(server: &Server, form: &str) -> Value {
    let (status, made) = post(server, "/_marketplace/calls", form, "");
    assert_eq!(status, 202, "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    json(server, &format!("/_marketplace/calls/{}", made["number"]))
}

#[test]
fn calls_of_every_protocol_are_explained_and_made_by_a_line() {
    let server = refused();
    for (profile, activity, step, header) in [
        ("saas-v2", "newInstance", "digest = hex(HMAC-SHA256(KEY, body))\n       = ", "content-type: application/json"),
        ("saas-v1", "newInstance", "text = activity=newInstance&", "accept: application/json"),
        (
            "kit-v2",
            "tenantSync",
            "x-sign = hex(HMAC-SHA256(KEY, KEY + x-nonce + x-timestamp + body))",
            "x-sign: '\"$SIGNATURE\"''",
        ),
        ("kit-v1", "tenantSync", "authToken = base64(HMAC-SHA256(KEY + ", "authToken: '\"$SIGNATURE\"''"),
        ("license-code", "releaseLicenseCode", "signature = hex(", "content-type"),
    ] {
        let call = sent_call(&server, &format!("profile={profile}&activity={activity}"));
        assert!(call["signed"].as_str().unwrap().contains(step), "{call}");
        assert!(call["curl"].as_str().unwrap().contains(header), "{call}");
        assert_eq!(call["explanation"], "the signature is right", "{call}");
        let begins = call["signed"].as_str().unwrap().rsplit(" as sent begins with ").next().unwrap();
        assert_eq!(begins.len(), 8, "{call}");
        for (_, key) in KEYS {
            assert!(!call.to_string().contains(key), "{profile}");
        }
    }
}

#[test]
fn a_call_is_edited_and_broken_before_it_is_sent() {
    let server = refused();
    let message = "message=%7B%22orderId%22%3A%22CS-mine%22%2C%22extra%22%3A1%7D";
    let call = sent_call(&server, &format!("profile=saas-v2&activity=newInstance&{message}"));
    let body: Value = serde_json::from_str(call["requestBody"].as_str().unwrap()).unwrap();
    assert_eq!((&body["orderId"], &body["extra"]), (&"CS-mine".into(), &1.into()));
    assert!(body["businessId"].is_string() && body.get("orderLineId").is_none(), "{body}");
    for (field, purpose, explanation) in [
        ("wrong_key=on", "signed with another key", "none of "),
        ("damaged=on", "a field was added after signing", ""),
        ("clock=-90s", "the clock is 90s behind", "old"),
        ("clock=%2B2min", "the clock is 120s ahead", "ahead"),
    ] {
        let call = sent_call(&server, &format!("profile=saas-v2&activity=newInstance&{field}"));
        assert_eq!(call["purpose"], purpose, "{call}");
        let explained = call["explanation"].as_str().unwrap();
        assert!(explained.contains(explanation) && explained != "the signature is right", "{call}");
    }
    for (form, why) in [
        ("activity=newInstance", "profile is missing"),
        ("profile=saas-v2", "activity is missing"),
        ("profile=saas-v2&activity=getLicense", "saas-v2 has no getLicense"),
        ("profile=saas-v2&activity=newInstance&message=%5B", "message: "),
        ("profile=saas-v2&activity=newInstance&clock=soon", "is not an offset"),
        ("profile=saas-v2&activity=newInstance&hang_up=1", "hang_up: "),
    ] {
        let (status, said) = post(&server, "/_marketplace/calls", form, "");
        assert!(status == 400 && said.contains(why), "{form}: {status} {said}");
    }
    let before = json(&server, "/_marketplace/calls/1");
    let (status, again) = post(&server, "/_marketplace/calls/1/repeat", "", "");
    assert_eq!(status, 202, "{again}");
    let again: Value = serde_json::from_str(&again).unwrap();
    let again = json(&server, &format!("/_marketplace/calls/{}", again["number"]));
    assert_eq!((&again["request"], &again["requestBody"]), (&before["request"], &before["requestBody"]));
    assert_eq!(post(&server, "/_marketplace/calls/99/repeat", "", "").0, 404);
    let (status, page) = get(&server, "/_marketplace/compose?call=1", "");
    assert!(status == 200 && page.contains("CS-mine"), "{page}");
}

#[test]
fn the_next_try_is_shown_and_comes_when_the_clock_is_moved() {
    let server = refused();
    assert_eq!(post(&server, "/_marketplace/orders", "profile=saas-v2", "").0, 202);
    let tries = |count: usize| {
        eventually(&server, "/_marketplace/log", |log| {
            log["calls"].as_array().is_some_and(|calls| calls.len() == count)
        })
    };
    tries(1);
    let call = json(&server, "/_marketplace/calls/1");
    assert!(call["nextTry"].is_string() && call["schedule"].as_str().unwrap().contains("more, every"), "{call}");
    let failed: Vec<_> = call["checks"].as_array().unwrap().iter().filter(|check| check["ok"] != true).collect();
    assert!(failed.is_empty(), "{call}");
    assert_eq!(post(&server, "/_marketplace/clock", "by=2h", "").0, 202);
    let second = tries(2)["calls"][1].clone();
    assert_eq!(second["try"], 2);
    let (status, said) = post(&server, "/_marketplace/clock", "by=soon", "");
    assert!(status == 400 && said.contains("is not a duration"), "{said}");
}

/// On an address that others reach, the printed token is needed.
#[test]
fn other_machines_need_the_printed_token() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    command.args(["serve", "--listen", "0.0.0.0:0"]).envs(KEYS).stdout(std::process::Stdio::piped());
    let mut process = command.spawn().unwrap();
    let lines: Vec<_> = BufReader::new(process.stdout.take().unwrap()).lines().take(2).map(Result::unwrap).collect();
    let (_, page) = lines[1].split_once("http://0.0.0.0:").unwrap();
    let (port, target) = page.split_at(page.find('/').unwrap());
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let token = target.split_once("?token=").unwrap().1;
    let ask = |method: &str, target: &str, headers: &str| {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: desk.example\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        String::from_utf8(sent(address, request.as_bytes())).unwrap()
    };
    let log = "/_marketplace/log";
    assert!(ask("GET", log, "").starts_with("HTTP/1.1 401 "));
    assert!(ask("GET", log, &format!("Authorization: Bearer {token}\r\n")).starts_with("HTTP/1.1 200 "));
    assert!(
        ask("POST", "/_marketplace/faults/clear", &format!("Authorization: Bearer {token}\r\n"))
            .starts_with("HTTP/1.1 202 ")
    );
    // A browser keeps it in a cookie that no script and no other site reads.
    let answer = ask("GET", target, "Accept: text/html\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 303 ") && answer.to_lowercase().contains("location: /_marketplace\r\n"),
        "{answer}"
    );
    assert!(answer.contains("HttpOnly; SameSite=Strict"), "{answer}");
    let page = ask("GET", "/_marketplace", &format!("Accept: text/html\r\nCookie: koogallery_token={token}\r\n"));
    assert!(page.starts_with("HTTP/1.1 200 ") && !page.contains(token), "{page}");
    process.kill().unwrap();
    process.wait().unwrap();
}
