//! A call or a request in full.

use koogallery::protocol::{Protocol, SignatureScheme};
use koogallery::query::{Plus, raw_pairs};
use koogallery::signature::callback_v2;
use koogallery_simulator::{Attempt, OpenApiCall};
use serde_json::{Value, json};

use super::page::{document, escaped};

/// Returns a call to the seller as JSON.
pub fn call(attempt: &Attempt, host: &str) -> Value {
    let exchange = &attempt.exchange;
    json!({
        "number": attempt.sequence,
        "at": attempt.at.to_compact_millis(),
        "profile": attempt.protocol.id(),
        "activity": attempt.activity.as_str(),
        "try": attempt.number,
        "outcome": attempt.outcome.to_string(),
        "request": format!("{} {}", exchange.method, exchange.target),
        "requestBody": exchange.request_body,
        "signed": signed(attempt),
        "status": exchange.status,
        "answerHeaders": exchange.answer_headers,
        "answerBody": exchange.answer_body,
        "error": exchange.error,
        "milliseconds": exchange.duration.as_millis() as u64,
        "curl": curl(attempt, host),
        "repeat": exchange.repeat,
    })
}

/// Returns a request of the seller as JSON.
pub fn request(call: &OpenApiCall) -> Value {
    json!({
        "number": call.sequence,
        "at": call.at.to_compact_millis(),
        "request": call.request,
        "about": call.about,
        "status": call.status.map(|status| status.as_u16()),
        "code": call.code,
        "explanation": call.explanation.join("\n"),
        "remarks": call.remarks.join("\n"),
        "faults": call.faults,
        "milliseconds": call.delay.as_millis() as u64,
    })
}

/// Returns a page of what [`call`] or [`request`] returns. Everything is text.
pub fn page(title: &str, value: &Value) -> String {
    let members = value.as_object().into_iter().flatten();
    let rows: String = members
        .filter(|(_, value)| !value.is_null() && **value != json!("") && **value != json!([]))
        .map(|(name, value)| format!("<tr><th>{}<td><pre>{}</pre></tr>", escaped(name), escaped(&shown(value))))
        .collect();
    let back = "<p><a href='/_marketplace'>Back</a></p>";
    document(
        title,
        &format!("<main><h1>{}</h1>{back}<div class=wide><table>{rows}</table></div></main>", escaped(title)),
    )
}

/// Texts as they are, if they are JSON indented; lists line by line.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(json @ (Value::Object(_) | Value::Array(_))) => format!("{json:#}"),
            _ => text.clone(),
        },
        Value::Array(items) => items.iter().map(|item| shown(item) + "\n").collect(),
        other => other.to_string(),
    }
}

/// Returns what the signature is made of, with KEY in place of the access key, and what is masked in the request. Empty where the signature is not in the query,
/// or the text of the call is not whole.
fn signed(attempt: &Attempt) -> String {
    let query = attempt.exchange.target.split_once('?').map_or("", |(_, query)| query);
    let value = |name: &str| raw_pairs(query).find(|pair| pair.name == name).map_or("", |pair| pair.value);
    match attempt.protocol.scheme() {
        SignatureScheme::CallbackV2 => match callback_v2::canonical(attempt.exchange.request_body.as_bytes()) {
            Ok(body) => format!(
                "signature = hex(HMAC-SHA256(KEY, KEY + nonce + timestamp + digest))\nnonce = {}\ntimestamp = {}\n\
                 digest = hex(HMAC-SHA256(KEY, body))\nbody = {body}",
                value("nonce"),
                value("timestamp"),
            ),
            Err(_) => String::new(),
        },
        SignatureScheme::AuthToken => {
            let pairs = raw_pairs(query).filter(|pair| pair.name != SignatureScheme::AuthToken.signature_name());
            let decoded = pairs
                .map(|pair| Some((pair.decoded_name(Plus::Space)?, pair.decoded_value(Plus::Space)?.into_owned())));
            let Some(mut pairs) = decoded.collect::<Option<Vec<_>>>() else { return String::new() };
            pairs.sort();
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let time = value("timeStamp");
            format!("authToken = base64(HMAC-SHA256(KEY + {time}, text))\ntext = {}", pairs.join("&"))
        }
        _ => String::new(),
    }
}

/// Returns a line for a shell; `$SIGNATURE` stands for the signature, which is for one call only.
fn curl(attempt: &Attempt, host: &str) -> String {
    let exchange = &attempt.exchange;
    // Some of its headers are not known.
    if matches!(attempt.protocol, Protocol::KitV1 | Protocol::KitV2) {
        return String::new();
    }
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let url = quoted(&format!("{host}{}", exchange.target)).replace("$SIGNATURE", "'\"$SIGNATURE\"'");
    match exchange.method.as_str() {
        "POST" => {
            format!("curl {url} -H 'Content-Type: application/json' --data-raw {}", quoted(&exchange.request_body))
        }
        _ => format!("curl {url}"),
    }
}
