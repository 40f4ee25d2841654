//! Several windows, reloads and filters.

use std::process::Command;

use thirtyfour::prelude::*;

use crate::driver::Browser;
use crate::process::{Server, exchange};
use crate::servers::{KEYS, answering, marketplace};

/// A request that is refused, and stands in the log.
pub fn unsigned_request(server: &Server) {
    let request = format!(
        "GET /api/mkp-openapi-public/global/v1/order/query?orderId=CS1 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        server.address
    );
    assert_eq!(exchange(server.address, &request).unwrap().0, 401);
}

fn alone() -> Server {
    Server::start(marketplace(&[]).envs(KEYS))
}

#[tokio::test]
async fn two_windows_agree_and_a_reload_shows_the_same() {
    let Some(browser) = Browser::start().await else { return };
    let server = alone();
    browser.open(&server, "").await;
    browser.until_text("#live", "live").await;
    let first = browser.driver.window().await.unwrap();
    let second = browser.driver.new_tab().await.unwrap();
    browser.driver.switch_to_window(second).await.unwrap();
    browser.open(&server, "").await;
    browser.until_text("#live", "live").await;
    browser.submit("form[action$='/faults']", &[("fault", "duplicate")]).await;
    browser.submit("form[action$='/instances']", &[("instance", "inst-7")]).await;
    unsigned_request(&server);
    browser.driver.switch_to_window(first).await.unwrap();
    browser.until_text("#fault-list", "duplicate").await;
    browser.until_text("#instance-table", "inst-7").await;
    browser.until_text("#request-log", "HTTP 401").await;
    let log = browser.text("#request-log").await;
    browser.driver.refresh().await.unwrap();
    assert_eq!(browser.text("#request-log").await, log);
    browser.end().await;
}

#[tokio::test]
async fn the_log_is_filtered_also_as_it_grows() {
    let Some(browser) = Browser::start().await else { return };
    let refusing = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 39\r\n\r\n\
         {\"resultCode\":\"000005\",\"resultMsg\":\"x\"}",
    );
    let server = Server::start(marketplace(&["--target", &format!("http://{refusing}/x")]).envs(KEYS));
    browser.open(&server, "").await;
    for profile in ["saas-v2", "saas-v1"] {
        browser.submit("form[action$='/orders']", &[("profile", profile)]).await;
        browser.until_text("#call-log", &format!("{profile} newInstance")).await;
    }
    browser.submit("form[role=search]", &[("profile", "saas-v1"), ("verdict", "wrong")]).await;
    let shown = browser.text("#call-log").await;
    assert!(shown.contains("saas-v1") && !shown.contains("saas-v2"), "{shown}");
    browser.until_text("#live", "live").await;
    for profile in ["saas-v2", "saas-v1"] {
        let form = format!("profile={profile}&activity=releaseInstance");
        let request = format!(
            "POST /_marketplace/calls HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
            server.address,
            form.len()
        );
        assert_eq!(exchange(server.address, &request).unwrap().0, 202);
    }
    browser.until_text("#call-log", "saas-v1 releaseInstance").await;
    assert!(!browser.text("#call-log").await.contains("saas-v2"));
    browser.submit("form[role=search]", &[("profile", ""), ("verdict", "right")]).await;
    assert_eq!(browser.text("#call-log").await, "");
    browser.end().await;
}

#[tokio::test]
async fn a_page_finds_a_marketplace_that_was_started_again() {
    let Some(mut browser) = Browser::start().await else { return };
    browser.expect("ERR_");
    let server = alone();
    let address = server.address;
    browser.open(&server, "").await;
    for _ in 0..3 {
        unsigned_request(&server);
    }
    browser.until_text("#request-log li:nth-child(3)", "HTTP 401").await;
    drop(server);
    browser.until_text("#live", "not connected").await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    let server = Server::start(command.args(["serve", "--listen", &address.to_string()]).envs(KEYS));
    unsigned_request(&server);
    browser.until_text("#live", "live").await;
    browser.until_text("#request-log li:nth-child(4)", "HTTP 401").await;
    browser.end().await;
}

#[tokio::test]
async fn everything_is_reached_by_keyboard() {
    let Some(browser) = Browser::start().await else { return };
    let server = alone();
    browser.open(&server, "").await;
    let focused = "const at = document.activeElement; return `${at.tagName} ${at.getAttribute('name') ?? at.getAttribute('href') ?? at.textContent}`";
    let press = async |keys: &str| browser.driver.action_chain().send_keys(keys).perform().await.unwrap();
    press(&Key::Tab.value().to_string()).await;
    assert_eq!(browser.script::<String>(focused).await, "A #main");
    // From the first element to the last, everything that can be used comes once.
    let usable: usize = browser
        .script("return document.querySelectorAll('a[href], input:not([type=hidden]), select, button').length")
        .await;
    let mut seen = 1;
    while !browser.script::<String>(focused).await.starts_with("INPUT instance") {
        press(&Key::Tab.value().to_string()).await;
        seen += 1;
        assert!(seen <= usable, "the field is not reached");
    }
    // What has the focus can be seen.
    let outline: String = browser.script("return getComputedStyle(document.activeElement).outlineStyle").await;
    assert_eq!(outline, "solid");
    press("inst-by-keys").await;
    press(&Key::Enter.value().to_string()).await;
    browser.until_text("#instance-table", "inst-by-keys").await;
    browser.end().await;
}
