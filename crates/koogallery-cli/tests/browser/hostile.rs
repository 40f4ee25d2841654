//! Answers that try to break the page.

use std::io::Write as _;

use crate::driver::Browser;
use crate::process::Server;
use crate::servers::{KEYS, marketplace, raw_server, read_request};

fn answering(body: String) -> std::net::SocketAddr {
    raw_server(move |mut stream| {
        read_request(&mut stream);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Evil: <img src=x onerror=hacked=1>\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(body.as_bytes());
    })
}

#[tokio::test]
async fn no_answer_breaks_the_page() {
    let Some(browser) = Browser::start().await else { return };
    let markup = "</pre></li></script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>";
    let deep = format!("{{\"resultCode\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let in_instance = format!("{{\"resultCode\":\"000000\",\"resultMsg\":\"x\",\"instanceId\":\"{markup}\"}}");
    for (name, body, shown) in [
        ("markup", markup.to_owned(), "window.hacked"),
        ("instance", in_instance, "window.hacked"),
        ("deep", deep, "[[[[[[[["),
        ("long", "<b>".repeat(1_200_000), "<b><b>"),
        ("ten-megabytes", "x".repeat(10_000_000), "the answer's"),
    ] {
        let seller = answering(body);
        let server = Server::start(marketplace(&["--target", &format!("http://{seller}/x")]).envs(KEYS));
        browser.open(&server, "").await;
        browser.submit("form[action$='/orders']", &[("profile", "saas-v2")]).await;
        browser.until_text("#call-log", "newInstance").await;
        browser.find("#call-log a").await.click().await.unwrap();
        browser.until_text("main", shown).await;
        browser.picture(&format!("hostile-{name}")).await;
        browser.open(&server, "").await;
        for path in ["", "/calls/1", "/compose?call=1"] {
            browser.open(&server, path).await;
            let is_whole: bool = browser
                .script("return window.hacked === undefined && document.querySelectorAll('img, b').length === 0 && document.querySelectorAll('script').length === 1")
                .await;
            assert!(is_whole, "{name} {path}");
        }
    }
    browser.end().await;
}

/// Keys, tokens and secrets stand in no page, and nothing is kept in the browser but two cookies without secrets.
#[tokio::test]
async fn pages_hold_no_secrets() {
    let Some(mut browser) = Browser::start().await else { return };
    // Of pages that are no HTML.
    browser.expect("favicon.ico");
    let seller = answering("{\"resultCode\":\"000000\",\"resultMsg\":\"x\"}".to_owned());
    let server = Server::start(marketplace(&["--target", &format!("http://{seller}/x")]).envs(KEYS));
    browser.open(&server, "").await;
    let secret = "a-secret-of-the-tenant";
    let form = format!("tenant=t-1&callback=http://{seller}/sso&secret={secret}");
    let request = format!(
        "POST /_marketplace/tenants HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
        server.address,
        form.len()
    );
    crate::process::exchange(server.address, &request).unwrap();
    browser.until_text("#call-log", "tenantSync").await;
    for path in ["", "/calls/1", "/compose?call=1", "/log", "/tenants"] {
        browser.open(&server, path).await;
        let page: String = browser.script("return document.documentElement.outerHTML").await;
        for (_, key) in KEYS {
            assert!(!page.contains(key), "{path}");
        }
        assert!(!page.contains(secret), "{path}");
    }
    browser.open(&server, "").await;
    let kept: usize =
        browser.script("return localStorage.length + sessionStorage.length + document.cookie.length").await;
    assert_eq!(kept, 0);
    browser.end().await;
}
