//! Signed calls as they stand on the wire.

use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::AccessKey;
use koogallery::random::{self, OsRandom};
use koogallery::signature::callback_v2;

/// A purchase, which differs from every other one of the same order.
pub fn purchase(key: &AccessKey, order: &str) -> String {
    let business = random::hex(&OsRandom).unwrap();
    let body = format!(
        r#"{{"activity":"newInstance","businessId":"{business}","orderId":"{order}","orderLineId":"{order}-000001"}}"#
    );
    head(key, &body, body.len()) + &body
}

/// The head of a call with this body that announces a length.
pub fn head(key: &AccessKey, body: &str, length: usize) -> String {
    let nonce = random::hex(&OsRandom).unwrap();
    let query = callback_v2::signed_query(key, &nonce, SystemClock.now(), body.as_bytes());
    format!(
        "POST /saasproduce?{query} HTTP/1.1\r\nHost: isv.example.com\r\nContent-Type: application/json;charset=utf8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )
}
