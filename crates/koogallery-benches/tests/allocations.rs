//! Allocations that a call makes, exactly.

use allocation_counter::measure;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response};
use koogallery::callback::CallbackService;
use koogallery::signature::{Window, auth_token, callback_v2, kit_v2};

use koogallery_benches::calls::{Calls, NONCE, NOW};

fn answer(service: &CallbackService, request: Request<bytes::Bytes>) -> Response<bytes::Bytes> {
    service.call(request).now_or_never().expect("a ledger hit does not wait")
}

/// Of the last of several calls: tables grow at some of them.
fn of_last_call(service: &CallbackService, requests: Vec<Request<bytes::Bytes>>) -> u64 {
    let count = |request| measure(|| drop(answer(service, request))).count_total;
    requests.into_iter().map(count).last().expect("a call")
}

#[test]
fn verifying_a_raw_body_allocates_nothing() {
    let calls = Calls::new();
    let verify = || callback_v2::verify(&calls.ring, &calls.v2_query, calls.body.as_bytes(), NOW, Window::default());
    assert!(verify().is_ok());
    assert_eq!(measure(|| drop(verify())).count_total, 0);

    let signed = kit_v2::signed_headers(&calls.key, NONCE, NOW, calls.body.as_bytes());
    let headers: HeaderMap =
        signed.into_iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("text"))).collect();
    let verify = || kit_v2::verify(&calls.ring, &headers, calls.body.as_bytes(), NOW, Window::default());
    assert!(verify().is_ok());
    assert_eq!(measure(|| drop(verify())).count_total, 0, "of the Kit");
}

#[test]
fn verifying_a_query_allocates_its_parameters() {
    let calls = Calls::new();
    let verify = || auth_token::verify(&calls.ring, &calls.v1_query, NOW, Window::default());
    assert!(verify().is_ok());
    // The list, two decoded values, and the text that is signed.
    assert_eq!(measure(|| drop(verify())).count_total, 4);
}

#[test]
fn a_whole_call_allocates_little() {
    let calls = Calls::new();
    assert_eq!(of_last_call(&calls.service(true), calls.v2(20)), 12, "V2.0");
    assert_eq!(of_last_call(&calls.service_of_all(), calls.v2(20)), 12, "V2.0, a server of all families");
    assert_eq!(of_last_call(&calls.service(false), calls.v1(20)), 28, "V1.0");
}

#[test]
fn a_call_takes_little_room_while_it_waits() {
    let calls = Calls::new();
    let (service, request) = (calls.service(true), calls.v2(1).remove(0));
    let size = size_of_val(&service.call(request));
    assert!(size < 3072, "{size} bytes: what is rare and large is boxed where it runs");
}
