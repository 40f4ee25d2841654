//! `check` without `--profile`: it judges what the endpoint serves, and nothing broken passes as not served.

use std::net::SocketAddr;
use std::sync::mpsc;

use axum::Router;
use axum::routing::post_service;
use koogallery::adapter::serve;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::adapter::tower::Endpoint;
use koogallery::callback::CallbackService;
use koogallery::callback::subscription::{AccessInfo, Description};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::MemoryLedger;
use koogallery::testing::AcceptAll;
use serde_json::Value;

use crate::servers::{Example, KEYS, answering};
use crate::support::{BASIC, KEY, Run, run};

/// A server that sells SaaS and nothing else.
fn saas_server(key: &'static str, only_posts: bool) -> SocketAddr {
    let (started, address) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            started.send(listener.local_addr().unwrap()).unwrap();
            let access = AccessInfo::new("https://app.example.com").with_login("admin", "a password");
            let shop = AcceptAll::new().with_description(Description::new(access));
            let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new(key).unwrap()).unwrap();
            let service = CallbackService::builder(keys, TokioRuntime).subscription(shop, MemoryLedger::new()).build();
            let router = Router::new();
            let router = match only_posts {
                true => router.route("/saasproduce", post_service(Endpoint::new(service))),
                false => router.fallback_service(Endpoint::new(service)),
            };
            serve::Server::new().serve(listener, router, std::future::pending()).await;
        });
    });
    address.recv().unwrap()
}

fn check(address: SocketAddr, keys: &[(&str, &str)], more: &[&str]) -> Run {
    run(keys, &[&["check", &format!("http://{address}/saasproduce")], more].concat())
}

/// The profiles that were judged, and those that were left out.
fn judged(run: &Run) -> (Vec<String>, Vec<String>) {
    let reports: Vec<Value> = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{run:?}"));
    let (left_out, judged): (Vec<_>, Vec<_>) = reports.iter().partition(|report| report["left_out"].is_string());
    let names =
        |reports: Vec<&Value>| reports.iter().map(|report| report["profile"].as_str().unwrap().into()).collect();
    (names(judged), names(left_out))
}

const ALL: [&str; 8] =
    ["saas-v2", "saas-v1", "license-online", "license-code", "license-v1", "order-notify", "kit-v1", "kit-v2"];

#[test]
fn the_isv_server_passes_with_all_keys_and_with_the_basic_key_alone() {
    let seller = Example::start("isv_server", &[]);
    let private_key = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/keys/test_rsa_3072.pem");
    let all_keys = [&KEYS[..], &[("KOOGALLERY_RSA_PRIVATE_KEY_FILE", private_key)]].concat();
    let probe = seller.url("/admin/instances");
    let all = check(seller.server.address, &all_keys, &["--format", "json", "--probe", &probe]);
    assert_eq!((all.code, judged(&all)), (0, (ALL.map(str::to_owned).to_vec(), Vec::new())));

    let none = KEYS.map(|(name, _)| (name, ""));
    let seller = Example::start("isv_server", &[&none[..], &BASIC].concat());
    let probe = seller.url("/admin/instances");
    let basic = check(seller.server.address, &BASIC, &["--format", "json", "--probe", &probe, "--seed", "7"]);
    let its = ["saas-v2", "saas-v1", "license-online", "license-v1"];
    assert_eq!((basic.code, judged(&basic).0), (0, its.map(str::to_owned).to_vec()));
}

#[test]
fn families_that_are_not_served_are_left_out_and_named() {
    let saas = saas_server(KEY, false);
    let text = check(saas, &BASIC, &[]);
    text.says(0, "PASS  saas-v1");
    text.says(0, "left out: license-online: getLicenseAsync is answered 000002, like an unknown activity\n");
    text.says(0, "left out: kit-v1, kit-v2: KOOGALLERY_KIT_KEY is not set\n");
    let json = check(saas, &BASIC, &["--format", "json"]);
    assert_eq!(judged(&json).0, ["saas-v2", "saas-v1"]);
    let xml = check(saas, &BASIC, &["--format", "junit"]).out;
    let document = roxmltree::Document::parse(&xml).unwrap();
    let suites: Vec<_> = document.root_element().children().filter(|node| node.has_tag_name("testsuite")).collect();
    assert_eq!(suites.len(), ALL.len());

    let only_posts = check(saas_server(KEY, true), &BASIC, &[]);
    only_posts.says(0, "left out: saas-v1: queryInstance is answered with HTTP status 405\n");
    assert!(!only_posts.out.contains("FAIL"), "{only_posts:?}");

    // No handler for SaaS.
    let (_, license_key) = KEYS[3];
    let credentials = [("KOOGALLERY_AK", "AK"), ("KOOGALLERY_SK", "SK-0123456789")];
    let licenses = Example::start("license_server", &credentials);
    let keys = [BASIC[0], ("KOOGALLERY_LICENSE_KEY", license_key)];
    let url = licenses.url("/licenses");
    let run = run(&keys, &["check", &url, "--format", "json"]);
    assert_eq!(judged(&run).0, ["license-online", "license-code"], "{:?}", run.out.len());
    assert!(run.out.contains("queryInstance and upgradeInstance are answered 000005: there is no handler"));
}

#[test]
fn what_is_asked_for_or_has_a_key_of_its_own_is_judged() {
    let saas = saas_server(KEY, false);
    check(saas, &BASIC, &["--profile", "license-online"]).says(1, "FAIL  license-online");
    for (interface, family) in [
        ("KOOGALLERY_KIT_KEY", "kit-v1"),
        ("KOOGALLERY_LICENSE_KEY", "license-code"),
        ("KOOGALLERY_GENERAL_KEY", "order-notify"),
        ("KOOGALLERY_V1_KEY", "saas-v1"),
    ] {
        let run = check(saas, &[BASIC[0], (interface, "9f8e7d6c-5b4a")], &[]);
        run.says(1, &format!("FAIL  {family}"));
        run.says(1, "PASS  saas-v2");
    }
}

#[test]
fn nothing_broken_passes_as_not_served() {
    let wrong_key = saas_server("another-key-altogether", false);
    check(wrong_key, &BASIC, &[]).says(1, "FAIL  saas-v2");
    for answer in [
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 38\r\n\r\n{\"resultCode\":\"000001\",\"resultMsg\":\"\"}",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 38\r\n\r\n{\"resultCode\":\"000002\",\"resultMsg\":\"\"}",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 38\r\n\r\n{\"resultCode\":\"000005\",\"resultMsg\":\"\"}",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 38\r\n\r\n{\"resultCode\":\"000000\",\"resultMsg\":\"\"}",
    ] {
        check(answering(answer), &BASIC, &[]).says(1, "FAIL  saas-v2");
        check(answering(answer), &KEYS, &[]).says(1, "FAIL  order-notify");
    }
}

#[test]
fn an_address_where_no_one_is_takes_few_lines() {
    let nobody = run(&KEYS, &["check", "http://127.0.0.1:1/x"]);
    nobody.says(1, "unreachable from here");
    nobody.says(1, "left out: saas-v1, ");
    assert!(nobody.out.lines().count() < 20, "{}", nobody.out);
}
