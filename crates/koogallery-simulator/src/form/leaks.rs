//! Information that no answer may contain.

use serde_json::Value;

use super::{Verdict, app_infos, broken};
use crate::call::{Call, Proof};
use crate::judge::Judge;
use crate::report::Exchange;
use crate::target::Answer;
use koogallery::signature::body_sign;

pub(super) fn judge(judge: &mut Judge, call: &Call, answer: &Answer, json: Option<&Value>, exchange: &Exchange) {
    let verdict = clean(judge, call, answer, json);
    judge.record("X17", exchange, verdict.err());
    judge.record("F15", exchange, sparing(answer, json).err());
}

/// Shorter keys occur in answers by chance.
const SHORTEST: usize = 8;

fn clean(judge: &Judge, call: &Call, answer: &Answer, json: Option<&Value>) -> Verdict {
    let body = String::from_utf8_lossy(&answer.body);
    let headers = answer.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(body_sign::HEADER));
    let texts: Vec<&str> = headers.map(|(_, value)| &**value).chain([&*body]).collect();
    let contains = |wanted: &str| texts.iter().any(|text| text.contains(wanted));
    let leak = |what: &str| {
        broken(
            "answers without secrets and internal details",
            what,
            "internal details are sent to the caller instead of the log",
        )
    };
    let key = judge.key.expose();
    if key.len() >= SHORTEST && contains(key) {
        return leak("the access key");
    }
    let is_proved =
        |signature: &str| call.proof(Proof::Signature).is_some_and(|sent| sent.eq_ignore_ascii_case(signature));
    let right = call.right_signature(&judge.key).filter(|signature| !is_proved(signature));
    let in_any_case =
        |text: &String| contains(text) || contains(&text.to_lowercase()) || contains(&text.to_uppercase());
    if right.as_ref().is_some_and(in_any_case) {
        return leak("the valid signature of the call");
    }
    const TRACES: [&str; 7] = [
        ".java:",
        "Traceback (most recent",
        "\tat ",
        "\\tat ",
        "panicked at",
        "stack backtrace",
        "Exception in thread",
    ];
    if TRACES.into_iter().any(contains) {
        return leak("a stack trace");
    }
    // A caller without valid proof must not receive anyone's data.
    let is_stranger = json.and_then(|json| json.get("resultCode")).is_some_and(|code| code == "000001");
    match is_stranger && json.is_some_and(|json| app_infos(json).next().is_some()) {
        true => leak("access data"),
        false => Ok(()),
    }
}

/// The documented members of all answers.
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
                "no version in headers",
                format!("{name}: {value}"),
                "the version reveals known vulnerabilities",
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
                        "no personal data outside the documented members",
                        format!("{name:?}"),
                        "answers contain stored data instead of a fixed list of members",
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
