//! What no answer may tell.

use serde_json::Value;

use super::{Verdict, app_infos, broken};
use crate::call::{Call, Proof};
use crate::report::Exchange;
use crate::session::Session;
use crate::target::Answer;
use koogallery::signature::body_sign;

pub(super) fn judge(session: &mut Session, call: &Call, answer: &Answer, json: Option<&Value>, exchange: &Exchange) {
    let verdict = clean(session, call, answer, json);
    session.judge("X17", exchange, verdict.err());
    session.judge("F15", exchange, sparing(answer, json).err());
}

/// Shorter keys stand in answers by chance.
const SHORTEST: usize = 8;

fn clean(session: &Session, call: &Call, answer: &Answer, json: Option<&Value>) -> Verdict {
    let body = String::from_utf8_lossy(&answer.body);
    let headers = answer.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(body_sign::HEADER));
    let texts: Vec<&str> = headers.map(|(_, value)| &**value).chain([&*body]).collect();
    let contains = |wanted: &str| texts.iter().any(|text| text.contains(wanted));
    let leak = |what: &str| {
        broken(
            "answers without secrets and inner details",
            what,
            "what belongs in the seller's log is told to the caller",
        )
    };
    let key = session.key.expose();
    if key.len() >= SHORTEST && contains(key) {
        return leak("the access key");
    }
    let is_proved =
        |signature: &str| call.proof(Proof::Signature).is_some_and(|sent| sent.eq_ignore_ascii_case(signature));
    let right = call.right_signature(&session.key).filter(|signature| !is_proved(signature));
    let in_any_case =
        |text: &String| contains(text) || contains(&text.to_lowercase()) || contains(&text.to_uppercase());
    if right.as_ref().is_some_and(in_any_case) {
        return leak("the signature that would have been right");
    }
    const TRACES: [&str; 6] =
        ["Traceback (most recent", "\tat ", "\\tat ", "panicked at", "stack backtrace", "Exception in thread"];
    if TRACES.into_iter().any(contains) {
        return leak("a stack trace");
    }
    // Whoever did not prove himself learns nothing of anybody.
    let is_stranger = json.and_then(|json| json.get("resultCode")).is_some_and(|code| code == "000001");
    match is_stranger && json.is_some_and(|json| app_infos(json).next().is_some()) {
        true => leak("access data"),
        false => Ok(()),
    }
}

/// The members of all answers there are.
const KNOWN: [&str; 17] = [
    "resultCode",
    "resultMsg",
    "instanceId",
    "encryptType",
    "appInfo",
    "frontEndUrl",
    "adminUrl",
    "userName",
    "password",
    "memo",
    "info",
    "usageInfo",
    "relatedInstanceId",
    "usageValue",
    "statisticalTime",
    "dashboardUrl",
    "license",
];

fn sparing(answer: &Answer, json: Option<&Value>) -> Verdict {
    for name in ["server", "x-powered-by", "x-aspnet-version"] {
        let Some(value) = answer.header(name) else { continue };
        if value.bytes().any(|byte| byte.is_ascii_digit()) {
            return broken(
                "no version of the server",
                format!("{name}: {value}"),
                "the server tells which weaknesses it has",
            );
        }
    }
    let mut values: Vec<_> = json.into_iter().collect();
    while let Some(value) = values.pop() {
        match value {
            Value::Array(items) => values.extend(items),
            Value::Object(members) => {
                let personal =
                    |(name, value): &(&String, &Value)| !KNOWN.contains(&&***name) && is_personal(name, value);
                if let Some((name, _)) = members.iter().find(personal) {
                    return broken(
                        "no personal data beside the documented members",
                        format!("{name:?}"),
                        "answers are written from what the seller stores, and not from a list of members",
                    );
                }
                values.extend(members.values());
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_personal(name: &str, value: &Value) -> bool {
    let name = name.to_lowercase();
    let is_filled = !matches!(value, Value::Null | Value::Bool(_)) && value != "";
    let names = ["phone", "mobile", "email", "password", "secret", "token", "idcard", "customername"];
    let is_address = |text: &str| text.split_once('@').is_some_and(|(_, domain)| domain.contains('.'));
    is_filled && (names.iter().any(|known| name.contains(known)) || value.as_str().is_some_and(is_address))
}
