//! The example servers pass what `check` knows, as a seller would run it.

use std::net::TcpListener;
use std::time::Instant;

use serde_json::Value;

use crate::servers::{Example, KEYS};
use crate::support::run;

const CREDENTIALS: [(&str, &str); 2] = [("KOOGALLERY_AK", "AK"), ("KOOGALLERY_SK", "SK-0123456789")];

/// A server that asks what was ordered, and where it asks.
fn asking(name: &str) -> (Example, String) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let open_api = format!("http://{address}");
    (Example::start(name, &[&CREDENTIALS[..], &[("KOOGALLERY_OPEN_API_URL", &open_api)]].concat()), address)
}

/// Checks every profile, with nothing that fails, mandatory or not.
fn passes(url: &str, keys: &[(&str, &str)], more: &[&str], profiles: &[&str]) {
    for profile in profiles {
        let arguments = [&["check", url, "--profile", profile, "--format", "json"], more].concat();
        let began = Instant::now();
        let run = run(keys, &arguments);
        let took = began.elapsed();
        let report = serde_json::from_str::<Value>(&run.out).unwrap_or_else(|_| panic!("{run:?}"))[0].take();
        let failed: Vec<_> =
            report["results"].as_array().unwrap().iter().filter(|r| r["outcome"] == "failed").collect();
        assert!(run.code == 0 && report["ok"] == true && failed.is_empty(), "{profile}: {failed:#?}");
        assert!(report["passed"].as_u64().unwrap() > 30, "{profile}: hardly anything was checked");
        println!(
            "{profile}: {} checks passed, {} calls, {:.1} s",
            report["passed"],
            report["calls"],
            took.as_secs_f64()
        );
    }
}

const PROFILES: [&str; 7] = ["saas-v2", "saas-v1", "kit-v1", "kit-v2", "license-code", "license-v1", "order-notify"];

/// On an address that serves SaaS too, online Licenses are known by their key.
fn online_keys() -> [(&'static str, &'static str); 1] {
    let (_, license_key) = KEYS[3];
    [("KOOGALLERY_BASIC_KEY", license_key)]
}

#[test]
fn the_isv_server_passes_every_profile() {
    let seller = Example::start("isv_server", &[]);
    let private_key = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/keys/test_rsa_3072.pem");
    let keys = [&KEYS[..], &[("KOOGALLERY_RSA_PRIVATE_KEY_FILE", private_key)]].concat();
    let (url, instances) = (seller.url("/saasproduce"), seller.url("/admin/instances"));
    passes(&url, &keys, &["--probe", &instances], &PROFILES);
    passes(&url, &online_keys(), &["--probe", &instances], &["license-online"]);
}

/// It completes what it receives from the orders that the checker makes up.
#[test]
fn the_isv_server_passes_while_it_asks_for_orders() {
    let (seller, open_api) = asking("isv_server");
    let (url, instances) = (seller.url("/saasproduce"), seller.url("/admin/instances"));
    let more = ["--probe", &*instances, "--listen", &*open_api];
    passes(&url, &[&KEYS[..], &CREDENTIALS].concat(), &more, &PROFILES);
    passes(&url, &[&online_keys()[..], &CREDENTIALS].concat(), &more, &["license-online"]);
}

#[test]
fn the_license_server_passes_its_profiles() {
    let (seller, open_api) = asking("license_server");
    let keys = [&KEYS[..], &CREDENTIALS].concat();
    passes(
        &seller.url("/licenses"),
        &keys,
        &["--listen", &open_api],
        &["license-code", "license-online", "license-v1"],
    );
}
