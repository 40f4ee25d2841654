//! How the signature of a call is made, step by step, and whether the one that was sent is right.

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use koogallery::key::{AccessKey, AccessKeys};
use koogallery::protocol::SignatureScheme;
use koogallery::query::{Plus, raw_pairs};
use koogallery::signature::diagnosis::{self, Diagnosis};
use koogallery::signature::{Window, callback_v2};
use koogallery_simulator::Attempt;
use serde_json::Value;
use sha2::Sha256;

/// Characters of a signature that are shown, to be compared: with all of them the call could be repeated.
const SHOWN: usize = 8;

/// Between the name of a signature and what is shown of it.
pub const AS_SENT: &str = " as sent begins with ";

/// Returns the steps, with KEY in place of the access key. Empty where the text of the call is not whole.
pub fn steps(keys: &AccessKeys, attempt: &Attempt, body: &str, request: Option<&Request<Bytes>>) -> String {
    let scheme = attempt.protocol.scheme();
    let key = attempt.protocol.keys(keys).map(|(_, ring)| ring.signing_key());
    let sent = request.and_then(|request| signature(scheme, request));
    let begins = sent.map_or_else(String::new, |sent| {
        format!("\n{}{AS_SENT}{}", scheme.signature_name(), sent.chars().take(SHOWN).collect::<String>())
    });
    let made = match scheme {
        SignatureScheme::CallbackV2 => of_callback(attempt, body, key),
        SignatureScheme::AuthToken => of_query(attempt),
        SignatureScheme::AuthTokenBody => of_members(body),
        SignatureScheme::KitV2 => of_kit(attempt, body),
    };
    made.map_or_else(String::new, |made| made + &begins)
}

fn of_callback(attempt: &Attempt, body: &str, key: Option<&AccessKey>) -> Option<String> {
    let query = attempt.exchange.target.split_once('?').map_or("", |(_, query)| query);
    let value = |name: &str| raw_pairs(query).find(|pair| pair.name == name).map_or("", |pair| pair.value);
    let canonical = callback_v2::canonical(body.as_bytes()).ok()?;
    let digest = key.and_then(|key| Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).ok());
    let digest = digest.map(|mac| const_hex::encode(mac.chain_update(&canonical).finalize().into_bytes()));
    Some(format!(
        "signature = hex(HMAC-SHA256(KEY, KEY + nonce + timestamp + digest))\nnonce = {}\ntimestamp = {}\n\
         digest = hex(HMAC-SHA256(KEY, body))\n       = {}\nbody = {canonical}",
        value("nonce"),
        value("timestamp"),
        digest.unwrap_or_default(),
    ))
}

fn of_kit(attempt: &Attempt, body: &str) -> Option<String> {
    let headers = &attempt.exchange.request_headers;
    let value = |name: &str| headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value);
    let canonical = callback_v2::canonical(body.as_bytes()).ok()?;
    Some(format!(
        "x-sign = hex(HMAC-SHA256(KEY, KEY + x-nonce + x-timestamp + body))\nx-nonce = {}\nx-timestamp = {}\n\
         body = {canonical}",
        value("x-nonce"),
        value("x-timestamp"),
    ))
}

fn of_query(attempt: &Attempt) -> Option<String> {
    let (_, query) = attempt.exchange.target.split_once('?')?;
    let pairs = raw_pairs(query).filter(|pair| pair.name != SignatureScheme::AuthToken.signature_name());
    let decoded = pairs.map(|pair| {
        let (name, value) = (pair.decoded_name(Plus::Space)?, pair.decoded_value(Plus::Space)?);
        Some((name.into_owned(), value.into_owned()))
    });
    token(decoded.collect::<Option<Vec<_>>>()?)
}

/// Members that are blank do not count; numbers and truth values count as written.
fn of_members(body: &str) -> Option<String> {
    let members = serde_json::from_str::<Value>(body).ok()?;
    let written = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let pairs = members.as_object()?.iter().map(|(name, value)| (name.clone(), written(value)));
    token(pairs.filter(|(_, value)| !value.trim().is_empty()).collect())
}

fn token(mut pairs: Vec<(String, String)>) -> Option<String> {
    pairs.sort();
    let time = pairs.iter().find(|(name, _)| name == "timeStamp").map(|(_, value)| value.clone())?;
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Some(format!("authToken = base64(HMAC-SHA256(KEY + {time}, text))\ntext = {}", pairs.join("&")))
}

fn signature(scheme: SignatureScheme, request: &Request<Bytes>) -> Option<String> {
    let name = scheme.signature_name();
    if !scheme.is_in_query() {
        return request.headers().get(name)?.to_str().ok().map(str::to_owned);
    }
    let pair = raw_pairs(request.uri().query()?).find(|pair| pair.name == name)?;
    pair.decoded_value(Plus::Space).map(|value| value.into_owned())
}

/// Returns what `explain` finds in the call that was sent: right, or the mistake that was made on purpose.
pub fn diagnosis(keys: &AccessKeys, attempt: &Attempt, request: &Request<Bytes>) -> String {
    let scheme = attempt.protocol.scheme();
    let Some((interface, _)) = attempt.protocol.keys(keys) else { return String::new() };
    let (query, headers, body) = (request.uri().query().unwrap_or_default(), request.headers(), request.body());
    let (now, window) = (attempt.at, Window::default());
    let found: Diagnosis = match scheme {
        SignatureScheme::CallbackV2 => diagnosis::callback_v2(keys, interface, query, body, now, window),
        SignatureScheme::AuthToken => diagnosis::auth_token(keys, interface, query, now, window),
        SignatureScheme::AuthTokenBody => diagnosis::auth_token_body(keys, interface, headers, body, now, window),
        SignatureScheme::KitV2 => diagnosis::kit_v2(keys, headers, body, now, window),
    };
    found.to_string()
}
