//! A call or a request in full.

mod answer;
mod page;
mod signing;

pub use page::page;

use koogallery_simulator::{Attempt, OpenApiCall};
use serde_json::{Value, json};

use super::control::Control;

/// What is shown in full.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Call,
    Request,
}

/// Returns a call to the seller as JSON.
pub fn call(control: &Control, attempt: &Attempt) -> Value {
    let exchange = &attempt.exchange;
    let sent = control.marketplace.as_ref().and_then(|marketplace| marketplace.sent(attempt.sequence));
    let (request_body, answer_body) = match &sent {
        Some(sent) => (&sent.request_body, &sent.answer_body),
        None => (&exchange.request_body, &exchange.answer_body),
    };
    let retries = attempt.protocol.retries(attempt.activity);
    json!({
        "number": attempt.sequence,
        "at": attempt.at.to_compact_millis(),
        "profile": attempt.protocol.id(),
        "activity": attempt.activity.as_str(),
        "purpose": sent.as_ref().map(|sent| &sent.purpose),
        "outcome": attempt.outcome.to_string(),
        "try": attempt.number,
        "schedule": match retries.count() {
            0 => "once".to_owned(),
            count => format!("{count} more, every {:?}", retries.interval()),
        },
        "nextTry": attempt.next_attempt.map(|next| next.to_compact_seconds()),
        "request": format!("{} {}", exchange.method, exchange.target),
        "requestHeaders": exchange.request_headers,
        "requestBody": request_body,
        "signed": signing::steps(&control.keys, attempt, request_body, sent.as_ref().map(|sent| &sent.request)),
        "explanation": sent.as_ref().map(|sent| signing::diagnosis(&control.keys, attempt, &sent.request)),
        "status": exchange.status,
        "answerHeaders": exchange.answer_headers,
        "answerBody": answer_body,
        "checks": answer::checks(attempt),
        "error": exchange.error,
        "milliseconds": exchange.duration.as_millis() as u64,
        "curl": curl(attempt, &control.seller_host(), request_body),
        "repeat": exchange.repeat,
        "isKept": sent.is_some(),
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

/// Returns a line for a shell; `$SIGNATURE` stands for the signature, which is for one call only.
fn curl(attempt: &Attempt, host: &str, body: &str) -> String {
    let exchange = &attempt.exchange;
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let signed = |text: &str| quoted(text).replace("$SIGNATURE", "'\"$SIGNATURE\"'");
    let mut line = format!("curl {}", signed(&format!("{host}{}", exchange.target)));
    for (name, value) in &exchange.request_headers {
        line.push_str(&format!(" -H {}", signed(&format!("{name}: {value}"))));
    }
    if exchange.method == "POST" {
        line.push_str(&format!(" --data-raw {}", quoted(body)));
    }
    line
}
