//! Requests to the mock server of the open APIs, signed after mutation.

use bytes::Bytes;
use http::Request;
use koogallery::clock::ManualClock;
use koogallery::key::{AccessKey, Credentials, KeyRing};
use koogallery::signature::{aksk, usage_push};
use koogallery_simulator::{LineSpec, OpenApiServer, OrderSpec};

use crate::seeds::{KEY, NOW};

const PATHS: [(&str, &str); 9] = [
    ("GET", "/api/mkp-openapi-public/global/v1/order/query"),
    ("POST", "/api/mkp-openapi-public/global/v1/license/activate"),
    ("POST", "/api/mkp-openapi-public/global/v1/isv/usage-data"),
    ("POST", "/api/mkp-openapi-public/v1/isv/usage-data"),
    ("GET", "/api/mkp-openapi-public/global/v1/license/query"),
    ("POST", "/api/mkp-openapi-public/global/v1/market-event/event-1/upload"),
    ("POST", "/oauth2/token"),
    ("GET", "/oauth2/userinfo"),
    ("GET", "/api/v1/cas/p3/serviceValidate"),
];

/// The first byte chooses the path; the rest is the query, or the body.
pub(super) fn request(data: &[u8]) {
    let (first, content) = data.split_first().map_or((0, data), |(first, content)| (usize::from(*first), content));
    let (method, path) = PATHS[first % PATHS.len()];
    let is_get = method == "GET";
    let target = if is_get { format!("{path}?{}", String::from_utf8_lossy(content)) } else { path.to_owned() };
    let body = if is_get { Bytes::new() } else { Bytes::copy_from_slice(content) };
    let key = AccessKey::new(KEY).expect("it is a key");
    let credentials = Credentials::new("AK", "SK").expect("they are credentials");
    let time = NOW.as_unix_millis().to_string();
    let request = Request::builder()
        .method(method)
        .uri(format!("https://mkt.myhuaweicloud.com{target}"))
        .header(
            "content-type",
            if first.is_multiple_of(2) { "application/json" } else { "application/x-www-form-urlencoded" },
        )
        .header("signature", usage_push::sign(&key, &time, "nonce", &body))
        .header("ts", &time)
        .header("nonce", "nonce")
        .body(body);
    let Ok(request) = request else { return };
    let Ok(request) = aksk::sign(request, &credentials, NOW) else { return };
    let server = OpenApiServer::builder()
        .clock(ManualClock::new(NOW))
        .credentials(credentials)
        .access_keys(KeyRing::new(key))
        .build();
    server.place_order(OrderSpec::new(LineSpec::one_time("OFFI1")).with_order_id("CS1"));
    let response = server.answer(request);
    assert!(response.status().as_u16() < 500, "{response:?}");
    for call in server.log() {
        assert!(call.to_string().len() < 256 * 1024);
    }
}
