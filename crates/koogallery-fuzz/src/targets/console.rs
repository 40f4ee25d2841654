//! Requests to the console of `koogallery serve`, one after the other, of a marketplace with a seller in virtual time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use koogallery::clock::ManualClock;
use koogallery::key::{AccessKey, KeyRing};
use koogallery_cli::fuzzing::{ConsoleAnswer, console};
use koogallery_simulator::{Marketplace, OpenApiServer};
use serde_json::Value;

use super::callbacks::service;
use crate::seeds::{KEY, NOW, access_keys};

/// More than any sequence needs.
const MAX_REQUESTS: usize = 16;

/// How long an answer may take, in virtual time: retries go on for days.
const PATIENCE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A text that no page may show as it is.
const MARKUP: &str = "<fz";

/// Lines of `METHOD PATH FORM`, in which `{instance}` is what was bought first. The first byte chooses whether a browser or a
/// script asks, and the language.
pub(super) fn requests(data: &[u8]) {
    let (first, text) = data.split_first().map_or((0, data), |(first, text)| (*first, text));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let clock = Arc::new(ManualClock::new(NOW));
        let open_api = server(&clock);
        let seller = service(access_keys(), Arc::clone(&clock));
        let marketplace =
            Marketplace::builder(seller, access_keys()).open_api(open_api).virtual_time(clock.clone()).build();
        let console = console(marketplace.clone(), &access_keys());
        for line in text.split(|byte| *byte == b'\n').take(MAX_REQUESTS) {
            let bought = marketplace.subscriptions().first().map_or(String::new(), |sold| sold.instance_id.clone());
            let line = String::from_utf8_lossy(line).replace("{instance}", &bought);
            let Some(request) = request(&line, first) else { continue };
            let console_path = request.uri().path().strip_prefix("/_marketplace");
            let is_open_api = !console_path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let Ok(answer) = tokio::time::timeout(PATIENCE, console(request)).await else { continue };
            // The open APIs fail where such a fault is switched on; a seller who refuses to the end is a bad gateway.
            assert!(is_open_api || answer.status() == StatusCode::BAD_GATEWAY || answer.status().as_u16() < 500);
            check(answer).await;
            // What was begun goes on.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let state = marketplace.save();
        let other = server(&clock);
        other.restore(&state).expect("what is saved can be restored");
        let of_open_api =
            |server: &OpenApiServer| serde_json::from_str::<Value>(&server.save()).expect("a state is JSON");
        assert_eq!(of_open_api(&other), of_open_api(marketplace.open_api()), "nothing is lost");
    });
}

fn server(clock: &Arc<ManualClock>) -> OpenApiServer {
    let ring = KeyRing::new(AccessKey::new(KEY).expect("it is a key"));
    OpenApiServer::builder().clock(Arc::clone(clock)).access_keys(ring).build()
}

fn request(line: &str, first: u8) -> Option<Request<Bytes>> {
    let mut parts = line.splitn(3, ' ');
    let method = Method::from_bytes(parts.next()?.as_bytes()).ok()?;
    let request = Request::builder().method(method).uri(parts.next()?).header(HOST, "127.0.0.1:9090");
    let request = if first & 1 == 0 { request } else { request.header(ACCEPT, "text/html") };
    let language = if first & 2 == 0 { "en" } else { "zh-CN" };
    request
        .header("accept-language", language)
        .body(Bytes::copy_from_slice(parts.next().unwrap_or_default().as_bytes()))
        .ok()
}

/// What others have written is escaped.
async fn check(answer: ConsoleAnswer) {
    let (head, mut body) = answer.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("text/event-stream") {
        for _ in 0..3 {
            let _ = tokio::time::timeout(Duration::from_secs(1), body.frame()).await;
        }
        return;
    }
    let Ok(body) = body.collect().await;
    let body = body.to_bytes();
    let text = str::from_utf8(&body).expect("answers are UTF-8");
    match content_type {
        "application/json" => drop(serde_json::from_str::<Value>(text).expect("it is JSON")),
        html if html.starts_with("text/html") => assert!(!text.contains(MARKUP), "{text}"),
        _ => {}
    }
}
