//! How quick and how light the console is.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::driver::Browser;
use crate::process::{Server, exchange};
use crate::servers::{KEYS, answering, marketplace};
use crate::windows::unsigned_request;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::test]
async fn what_happens_is_shown_within_half_a_second() {
    let Some(browser) = Browser::start().await else { return };
    let server = Server::start(marketplace(&[]).envs(KEYS));
    browser.open(&server, "").await;
    browser.until_text("#live", "live").await;
    let _: Value = browser
        .script(
            "window.shown = [];
             new MutationObserver(() => shown.push(Date.now())).observe(document.getElementById('request-log'), { childList: true });
             return null;",
        )
        .await;
    let mut late = Vec::new();
    for number in 1..=9 {
        let asked = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0;
        unsigned_request(&server);
        browser.until_text(&format!("#request-log li:nth-child({number})"), "HTTP 401").await;
        let shown: Vec<f64> = browser.script("return window.shown").await;
        assert_eq!(shown.len(), number);
        late.push(shown[number - 1] - asked);
    }
    println!("shown after {late:?} ms");
    assert!(median(late.clone()) < 500.0, "{late:?}");
    browser.end().await;
}

/// Makes a request on a connection that is kept open.
fn asked_again(stream: &mut TcpStream, request: &str) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return;
            }
        }
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "{text}");
        answer.extend_from_slice(&buffer[..length]);
    }
}

/// The memory of a process that is not swapped out.
#[cfg(target_os = "linux")]
fn resident_kilobytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn full_logs_are_shown_at_once() {
    /// As many as are kept, and more.
    const REQUESTS: usize = 10_010;
    const STEPS: usize = 41;
    let Some(browser) = Browser::start().await else { return };
    let seller = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 39\r\nConnection: close\r\n\r\n\
         {\"resultCode\":\"000000\",\"resultMsg\":\"x\"}",
    );
    let server = Server::start(marketplace(&["--target", &format!("http://{seller}/x")]).envs(KEYS));
    let mut stream = TcpStream::connect(server.address).unwrap();
    let host = server.address;
    let request = "GET /api/mkp-openapi-public/global/v1/order/query?orderId=CS1 HTTP/1.1\r\nHost: ";
    for _ in 0..REQUESTS {
        asked_again(&mut stream, &format!("{request}{host}\r\n\r\n"));
    }
    // Calls to the seller are made by a scenario, 250 at a time.
    let step = "[[step]]%0Acall='releaseInstance'%0Aprofile='saas-v2'%0Aat_once=250%0A";
    let form = format!("text={}", step.replace('=', "%3D").repeat(STEPS));
    let head =
        format!("POST /_marketplace/scenarios HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n", form.len());
    asked_again(&mut stream, &format!("{head}{form}"));
    let answer = |path: &str| {
        let request = format!("GET /_marketplace/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        exchange(host, &request).unwrap()
    };
    loop {
        let run: Value = serde_json::from_slice(&answer("scenarios/1").1).unwrap();
        assert_eq!(run["problem"], Value::Null);
        if run["isDone"] == true {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let latest = STEPS * 250;
    let status = |number: usize| answer(&format!("calls/{number}")).0;
    assert_eq!(
        (status(latest), status(latest + 1), status(latest - 9_999), status(latest - 10_000)),
        (200, 404, 200, 404)
    );
    let mut painted = Vec::new();
    for _ in 0..5 {
        browser.open(&server, "").await;
        browser.until_text("#live", "live").await;
        let paint = "const paint = performance.getEntriesByName('first-contentful-paint')[0]; return paint ? paint.startTime : 0";
        painted.push(loop {
            match browser.script::<f64>(paint).await {
                0.0 => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                shown => break shown,
            }
        });
    }
    let shown: usize = browser.script("return document.querySelectorAll('#call-log li, #request-log li').length").await;
    assert_eq!(shown, 200);
    println!("painted after {painted:?} ms");
    assert!(median(painted.clone()) < 1000.0, "{painted:?}");
    // The whole page, headers included.
    let weight: usize = browser
        .script(
            "const loaded = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
             return loaded.reduce((sum, entry) => sum + entry.transferSize, 0);",
        )
        .await;
    println!("{weight} bytes");
    assert!(weight > 1000 && weight < 300_000, "{weight}");
    #[cfg(target_os = "linux")]
    {
        // Both logs, and the latest calls in full, up to 64 MB. A generous bound.
        let taken = resident_kilobytes(server.id());
        println!("{taken} kB");
        assert!(taken < 300_000, "{taken} kB");
    }
    browser.end().await;
}
