//! `serve`: the open APIs and the marketplace as a process.

use std::process::Command;
use std::time::{Duration, Instant};

use koogallery::clock::{Clock as _, SystemClock};
use serde_json::Value;

use crate::process::{Server, exchange};
use crate::servers::{Example, KEYS};
use crate::support::run;

const CREDENTIALS: [(&str, &str); 2] = [("KOOGALLERY_AK", "AccessKey"), ("KOOGALLERY_SK", "SecretKey-0123456789")];

fn query_order(server: &Server, credentials: &[(&str, &str)]) -> (u16, Value) {
    let target = "/api/mkp-openapi-public/global/v1/order/query?orderId=MOCKPERIODYEARNEW";
    let url = format!("http://{}{target}", server.address);
    let date = SystemClock.now().to_basic_iso();
    let signed = run(credentials, &["sign", "aksk", "--method", "GET", "--url", &url, "--date", &date]);
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\nX-Sdk-Date: {date}\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
        server.address,
        signed.line()
    );
    let (status, body) = exchange(server.address, &request).unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[test]
fn orders_are_told_to_who_signs_rightly() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let server = Server::start(command.args(["serve", "--listen", "127.0.0.1:0"]).envs(CREDENTIALS));
    let (status, answer) = query_order(&server, &CREDENTIALS);
    assert_eq!((status, &answer["resultCode"]), (200, &"MKT.0000".into()), "{answer}");
    assert!(answer["orderInfo"]["orderLine"].as_array().is_some_and(|lines| !lines.is_empty()), "{answer}");
    let (status, answer) = query_order(&server, &[CREDENTIALS[0], ("KOOGALLERY_SK", "another-secret")]);
    assert_eq!(status, 401, "{answer}");
    assert!(!answer.to_string().contains("SecretKey"), "{answer}");
}

#[test]
fn what_cannot_be_served() {
    run(&[], &["serve", "--listen", "127.0.0.1:0"]).says(2, "KOOGALLERY_AK");
    run(&CREDENTIALS, &["serve", "--listen", "nowhere"]).says(2, "nowhere");
    run(&CREDENTIALS, &["serve", "--listen", "nowhere", "--compress", "0"]).says(2, "--compress");
}

fn get(server: &Server, path: &str, headers: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n", server.address);
    let (status, body) = exchange(server.address, &request).unwrap();
    (status, String::from_utf8(body).unwrap())
}

fn post(server: &Server, path: &str, form: &str, headers: &str) -> (u16, String) {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}Connection: close\r\n\r\n{form}",
        server.address,
        form.len()
    );
    let (status, body) = exchange(server.address, &request).unwrap();
    (status, String::from_utf8(body).unwrap())
}

/// Returns the answer to a `GET` once it is as expected.
fn eventually(server: &Server, path: &str, is_expected: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer: Value = serde_json::from_str(&get(server, path, "").1).unwrap();
        if is_expected(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path} stays {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_marketplace_sells_to_a_seller() {
    let seller = Example::start("isv_server", &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let target = seller.url("/saasproduce");
    command.args(["serve", "--listen", "127.0.0.1:0", "--target", &target, "--compress", "864000"]);
    let server = Server::start(command.envs(CREDENTIALS).envs(KEYS));

    // Ten days are a second, so that it expires in six seconds: long after the changes below, also on a busy machine.
    let (status, order) = post(&server, "/_marketplace/orders", "profile=saas-v2&period=2+month&amount=50", "");
    assert_eq!(status, 202, "{order}");
    let order: Value = serde_json::from_str(&order).unwrap();
    let active = eventually(&server, "/_marketplace/subscriptions", |sold| sold[0]["state"] == "active");
    assert_eq!(active[0]["orderId"], order["orderId"]);
    let id = active[0]["instanceId"].as_str().unwrap();
    let change = |what: &str, form: &str| post(&server, &format!("/_marketplace/subscriptions/{id}/{what}"), form, "");
    for (what, form) in
        [("query", ""), ("upgrade", "period=1+day&amount=80"), ("freeze", ""), ("renew", "period=1+day")]
    {
        let (status, told) = change(what, form);
        assert_eq!(status, 202, "{what}: {told}");
    }
    // It expires by itself, and goes after 15 days. The state changes before the seller is called.
    eventually(&server, "/_marketplace/subscriptions", |sold| sold[0]["state"] == "released");
    let (status, why) = change("renew", "");
    assert_eq!((status, why.contains("has been released")), (409, true), "{why}");
    let activities = |log: &Value| -> String {
        let calls = log["calls"].as_array().unwrap();
        calls.iter().map(|call| call["activity"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let log = eventually(&server, "/_marketplace/log", |log| activities(log).ends_with("releaseInstance"));
    let expected = "newInstance queryInstance queryInstance upgradeInstance updateInstanceStatus refreshInstance \
                    updateInstanceStatus updateInstanceStatus releaseInstance";
    assert_eq!(activities(&log), expected, "{log}");
    let listed = get(&seller.server, "/admin/instances", "").1;
    assert!(listed.contains("\"released\""), "{listed}");
    let (status, page) = get(&server, "/_marketplace", "Accept: text/html\r\n");
    assert!(status == 200 && page.contains(id) && page.contains("releaseInstance: 000000"), "{page}");
    for (_, key) in KEYS {
        assert!(!page.contains(key) && !log.to_string().contains(key));
    }

    // A browser is sent back to the page, and no other site's page has a say.
    let browser = "Accept: text/html\r\n";
    assert_eq!(post(&server, "/_marketplace/orders", "period=1+day", browser).0, 303);
    let own = format!("Origin: http://{}\r\n", server.address);
    assert_eq!(post(&server, "/_marketplace/orders", "period=1+day", &own).0, 202);
    assert_eq!(post(&server, "/_marketplace/orders", "period=1+day", "Origin: http://evil.example\r\n").0, 403);
    let rebound = "GET /_marketplace/log HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(server.address, rebound).unwrap().0, 403);
}

#[test]
fn packages_are_sold_in_one_order() {
    let seller = Example::start("isv_server", &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let target = seller.url("/saasproduce");
    command.args(["serve", "--listen", "127.0.0.1:0", "--target", &target, "--strict-packages"]);
    let server = Server::start(command.envs(CREDENTIALS).envs(KEYS));
    for (profile, products) in [("saas-v2", "product=P1&count=3"), ("saas-v1", "product=P1,P2,P3")] {
        let form = format!("profile={profile}&mode=package&period=1+month&quota=OFFI1:1000&customer=c-1&{products}");
        let (status, order) = post(&server, "/_marketplace/orders", &form, "");
        let order: Value = serde_json::from_str(&order).unwrap();
        assert_eq!((status, order["orderLineIds"].as_array().unwrap().len()), (202, 3), "{order}");
        let is_of_order = |sold: &&Value| sold["orderId"] == order["orderId"] && sold["state"] == "active";
        let all_sold = |sold: &Value| sold.as_array().unwrap().iter().filter(is_of_order).count() == 3;
        let sold = eventually(&server, "/_marketplace/subscriptions", all_sold);
        let package = sold.as_array().unwrap().iter().find(is_of_order).unwrap();
        assert_eq!(package["chargingMode"], "ON_DEMAND_PKG");
        assert_eq!(package["customerId"], "c-1");
        assert_eq!(package["quotas"], serde_json::json!([{"productId": "OFFI1", "amount": "1000"}]));
        assert_eq!(package["usage"], serde_json::json!([]));
    }
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--target", "http://127.0.0.1:1/x"]);
    let server = Server::start(command.envs(CREDENTIALS).envs([KEYS[0]]));
    for (form, why) in [
        ("profile=saas", "profile"),
        ("profile=license-code", "not in the environment"),
        ("profile=kit-v2", "kit-v2 has no orders"),
        ("period=1+eon", "is not a period"),
        ("mode=gift", "mode must be"),
        ("amount=many", "amount is not a number"),
        ("amount=%ff", "not UTF-8"),
        ("foo=1", "unknown field \"foo\"; known are profile, product, mode"),
        ("mode=package&period=1+month&count=31", "1 to 30 lines"),
        ("mode=package&period=1+month&quota=1000", "is not a quota"),
        ("mode=one-time&quota=OFFI1:1", "only a package has a quota"),
    ] {
        let (status, said) = post(&server, "/_marketplace/orders", form, "");
        assert!(status == 400 && said.contains(why), "{form}: {status} {said}");
    }
    let (status, said) = post(&server, "/_marketplace/subscriptions/%3Cnobody%3E/renew", "", "");
    assert!(status == 404 && said.contains("<nobody>"), "{said}");
    let (status, said) = post(&server, "/_marketplace/subscriptions/x/dance", "", "");
    assert!(status == 404 && said.contains("known are renew, convert_trial, cancel_renewal"), "{said}");
    let (status, said) = post(&server, "/_marketplace/subscriptions/x/freeze", "period=1+year", "");
    assert!(status == 400 && said.contains("unknown field \"period\"; known are none"), "{said}");
    assert_eq!(post(&server, "/_marketplace/orders", &"x".repeat(70_000), "").0, 413);
    assert_eq!(get(&server, "/_marketplace/orders", "").0, 405);
    assert_eq!(get(&server, "/_marketplace/nothing", "").0, 404);
    assert_ne!(get(&server, "/_marketplaces", "").0, 403, "the open-API server refuses that");
    run(&CREDENTIALS, &["serve", "--listen", "127.0.0.1:0", "--target", "http://192.0.2.1/"])
        .says(2, "--i-own-this-host");
}
