//! Checks that are run from the page.

use std::time::Duration;

use thirtyfour::prelude::*;

use crate::driver::Browser;
use crate::process::{Server, exchange};
use crate::servers::{Example, KEYS, marketplace};

#[tokio::test]
async fn a_profile_is_checked_and_its_report_is_read() {
    let Some(browser) = Browser::start().await else { return };
    let seller = Example::start("isv_server", &[]);
    let server = Server::start(marketplace(&["--target", &seller.url("/saasproduce")]).envs(KEYS));
    browser.open(&server, "/checks").await;
    let probe = seller.url("/admin/instances");
    browser.submit("form[action$='/checks']", &[("profile", "saas-v2"), ("probe", &probe)]).await;
    // The page shows how far it is, and then the report, without a reload.
    browser.until_text("#run", "passed").await;
    browser.until_text("#reports", "X1").await;
    assert!(browser.text("#run").await.contains(" 0 failed") || browser.text("#run").await.starts_with("0 failed"));
    let bars: usize = browser.script("return document.querySelectorAll('#reports svg rect').length").await;
    assert!(bars > 6, "{bars}");
    browser.picture("check").await;

    browser.submit("form[role=search]", &[("show", "not-run")]).await;
    let rows = browser.driver.find_all(By::Css("#reports tr td:nth-child(3)")).await.unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!(row.text().await.unwrap(), "not run");
    }
    browser.submit("form[role=search]", &[("show", ""), ("contains", "X1")]).await;
    assert!(browser.text("#reports").await.contains("X1"));

    for (file, begin) in
        [("report.json", "[{"), ("report.xml", "<?xml"), ("report.md", "**PASS "), ("report.html", "<!DOCTYPE html>")]
    {
        assert_eq!(browser.driver.find_all(By::Css(format!("a[href$='/{file}']"))).await.unwrap().len(), 1);
        let request = format!(
            "GET /_marketplace/checks/1/{file} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            server.address
        );
        let (status, body) = exchange(server.address, &request).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(status == 200 && body.starts_with(begin), "{file}: {status} {:?}", body.get(..80));
        for (_, key) in KEYS {
            assert!(!body.contains(key), "{file}");
        }
    }
    browser.end().await;
}

/// A server that verifies nothing fails, and the page says why.
#[tokio::test]
async fn the_page_says_what_is_wrong_with_a_seller() {
    let Some(browser) = Browser::start().await else { return };
    let seller = crate::servers::raw_server(|mut stream| {
        use std::io::Write as _;
        crate::servers::read_request(&mut stream);
        std::thread::sleep(Duration::from_millis(1));
        let body = "{\"resultCode\":\"000000\",\"resultMsg\":\"<b>x</b>\",\"instanceId\":\"i-1\"}";
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        let _ = stream.write_all((head + body).as_bytes());
    });
    let server = Server::start(marketplace(&["--target", &format!("http://{seller}/x")]).envs(KEYS));
    browser.open(&server, "/checks").await;
    browser.submit("form[action$='/checks']", &[("profile", "saas-v2")]).await;
    browser.until_text("#run", "failed,").await;
    browser.submit("form[role=search]", &[("show", "failed")]).await;
    let reports = browser.text("#reports").await;
    assert!(reports.contains("X1") && reports.contains("signature"), "{reports}");
    browser.picture("check-failed").await;
    browser.end().await;
}
