//! `serve`: the open APIs as a process.

use std::process::Command;

use koogallery::clock::{Clock as _, SystemClock};
use serde_json::Value;

use crate::process::{Server, exchange};
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
}
