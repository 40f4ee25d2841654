//! The state of `serve`: kept across restarts, exported and imported.

use std::path::Path;
use std::process::Command;

use crate::process::Server;
use crate::serve::{eventually, get, json, post};
use crate::servers::{Example, KEYS, marketplace};
use crate::support::run;

fn with_state(path: &Path, seller: &Example) -> Server {
    let mut command: Command =
        marketplace(&["--target", &seller.url("/saasproduce"), "--state", path.to_str().unwrap()]);
    Server::start(command.envs(KEYS))
}

#[test]
fn a_killed_marketplace_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let seller = Example::with("isv_server", &["--allow-http", "true"], &[]);
    let server = with_state(&path, &seller);
    assert_eq!(post(&server, "/_marketplace/orders", "profile=saas-v2&period=1+month", "").0, 202);
    let sold = eventually(&server, "/_marketplace/subscriptions", |sold| sold[0]["state"] == "active");
    assert_eq!(post(&server, "/_marketplace/instances", "instance=inst-7", "").0, 202);
    let secret = "the-secret-of-t-1";
    let form = format!("tenant=t-1&app=app&callback={}&users=lihua:Li+Hua&secret={secret}", seller.url("/sso"));
    assert_eq!(post(&server, "/_marketplace/tenants", &form, "").0, 202);
    assert_eq!(post(&server, "/_marketplace/clock", "by=3d", "").0, 202);
    let (instances, tenants) = (json(&server, "/_marketplace/instances"), json(&server, "/_marketplace/tenants"));
    // What was done is soon in the file: the move of the clock came last.
    let is_written = || std::fs::read_to_string(&path).is_ok_and(|text| text.contains("\"secs\":259200,"));
    while !is_written() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    server.kill();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    let server = with_state(&path, &seller);
    assert_eq!(json(&server, "/_marketplace/subscriptions"), sold);
    assert_eq!(json(&server, "/_marketplace/instances"), instances);
    assert_eq!(json(&server, "/_marketplace/tenants"), tenants);
    let id = sold[0]["instanceId"].as_str().unwrap();
    assert_eq!(post(&server, &format!("/_marketplace/subscriptions/{id}/renew"), "period=1+month", "").0, 202);
    let renewed = json(&server, "/_marketplace/subscriptions");
    assert_ne!(renewed[0]["expireTime"], sold[0]["expireTime"]);
    let (status, _) = post(&server, "/_marketplace/tenants/t-1/login", "user=lihua", "");
    assert_eq!(status, 202);
    assert_eq!(post(&server, "/_marketplace/clock", "by=60d", "").0, 202);
    eventually(&server, "/_marketplace/subscriptions", |sold| sold[0]["state"] == "frozen");

    // An export has no secrets, and is taken by another marketplace.
    let (status, exported) = get(&server, "/_marketplace/state", "");
    assert!(status == 200 && exported.contains(id) && !exported.contains(secret), "{exported}");
    for (_, key) in KEYS {
        assert!(!exported.contains(key));
    }
    let mut command = marketplace(&["--target", &seller.url("/saasproduce")]);
    let other = Server::start(command.envs(KEYS));
    let encoded: String = exported.bytes().map(|byte| format!("%{byte:02x}")).collect();
    assert_eq!(post(&other, "/_marketplace/state", &format!("text={encoded}"), "").0, 202);
    assert_eq!(json(&other, "/_marketplace/subscriptions"), json(&server, "/_marketplace/subscriptions"));
    let (status, said) = post(&other, "/_marketplace/state", "text=%7B%7D", "");
    assert!(status == 400 && said.contains("not a state"), "{said}");
}

#[test]
fn a_file_that_is_no_state_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    std::fs::write(&path, "precious").unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--state", path.to_str().unwrap()];
    let run = run(&KEYS[..1], &arguments);
    assert!(run.code == 2 && run.err.contains("state.json"), "{run:?}");
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
}
