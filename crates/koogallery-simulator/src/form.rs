//! Rules for the form of an answer, applied to every answer, success or error.

mod leaks;
mod login;
mod usage;

use std::time::Duration;

use serde_json::Value;

use super::call::Call;
use super::judge::Judge;
use super::profile::Profile;
use super::reading::Reading;
use super::report::{Exchange, Failure};
use super::target::Answer;
use koogallery::activity::Activity;
use koogallery::result_code::ResultCode;
use koogallery::signature::body_sign;
use koogallery::signature::diagnosis::{self, Diagnosis};

type Verdict = Result<(), Failure>;

fn broken(expected: &str, got: impl Into<String>, cause: &str) -> Verdict {
    Err(Failure::new(expected, got, cause))
}

/// Applies every rule that exists for the profile and the answer.
pub(super) fn judge(judge: &mut Judge, call: &Call, answer: &Answer, reading: &Reading, exchange: &Exchange) {
    judge.record("R5", exchange, redirect(answer).err());
    judge.record("R8", exchange, encoding(answer).err());
    let limit = judge.deadline;
    judge.record("D1", exchange, deadline(limit, answer).err());
    if call.activity.parse::<Activity>().is_ok() {
        judge.durations.entry(call.activity.clone()).or_default().push(answer.duration);
    }
    let Reading { json, oddity, .. } = reading;
    judge.record("F1", exchange, members(answer, json.as_ref(), *oddity).err());
    judge.record("F2", exchange, content_type(answer).err());

    if let Some(json) = json {
        let verdict = code(call, json);
        if is_special(json) {
            judge.record("L16", exchange, verdict.clone().err());
        }
        judge.record("F7", exchange, verdict.err());
        let profile = judge.profile;
        judge.record("F9", exchange, lengths(profile, call.is_right, json).err());
        // What a wrong call gets beside its code says nothing: an invalid value may come back in it.
        if call.is_right {
            // A byte order mark is no member's fault.
            if oddity.is_none() {
                judge.record("F10", exchange, escapes(answer, json).err());
            }
        }
        if call.is_right && json.get("resultCode").and_then(Value::as_str) == Some("000000") {
            if matches!(&*call.activity, "newInstance" | "queryInstance" | "getLicense") {
                judge.record("F8", exchange, mandatory(call, json).err());
            }
            if usage::all(json).next().is_some() {
                judge.record("Q4", exchange, usage::complete(json).err());
                judge.record("Q7", exchange, usage::amounts(json).err());
            }
            if usage::times(json).next().is_some() {
                let now = judge.clock.now();
                judge.record("F16", exchange, usage::in_utc(json, now).err());
            }
            login::judge(judge, json, exchange);
        }
    }
    if judge.profile.protocol().signs_answers() {
        judge_body_sign(judge, answer, exchange);
    }
    leaks::judge(judge, call, answer, json.as_ref(), exchange);
}

fn redirect(answer: &Answer) -> Verdict {
    match answer.status {
        300..=399 => broken(
            "no redirect",
            format!("HTTP status {} to {}", answer.status, answer.header("location").unwrap_or("nowhere")),
            "the registered address redirects; the marketplace does not follow redirects",
        ),
        _ => Ok(()),
    }
}

fn encoding(answer: &Answer) -> Verdict {
    match answer.header("content-encoding") {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") => broken(
            "an uncompressed body",
            format!("content-encoding: {coding}"),
            "the answer is compressed without being requested",
        ),
        _ => Ok(()),
    }
}

fn deadline(limit: Duration, answer: &Answer) -> Verdict {
    match answer.duration < limit {
        true => Ok(()),
        false => broken(
            &format!("an answer within {limit:?}"),
            format!("one after {:?}", answer.duration),
            "the work is done while the marketplace waits",
        ),
    }
}

fn members(answer: &Answer, json: Option<&Value>, oddity: Option<&str>) -> Verdict {
    let expected =
        "HTTP 200 with a JSON object, resultCode and resultMsg strings, the latter of at most 255 characters";
    if answer.status != 200 {
        return broken(
            expected,
            format!("HTTP status {}", answer.status),
            match answer.status {
                500.. => "the endpoint's code fails: its answer is an error page",
                _ => "errors belong in the resultCode; any HTTP status but 200 counts as a failed call",
            },
        );
    }
    if let Some(oddity) = oddity {
        return broken(expected, oddity, &format!("{oddity}, and the marketplace reads plain UTF-8 only"));
    }
    let Some(Value::Object(members)) = json else {
        return broken(expected, "not a JSON object", "the body is not JSON: an error page, or an empty answer");
    };
    match members.get("resultCode") {
        Some(Value::String(_)) => {}
        Some(other) => return broken(expected, format!("resultCode {other}"), "resultCode is not a string"),
        None => return broken(expected, "no resultCode", "resultCode is missing"),
    }
    match members.get("resultMsg") {
        Some(Value::String(text)) if text.chars().count() <= 255 => Ok(()),
        Some(Value::String(_)) => broken(expected, "a longer resultMsg", "resultMsg is too long"),
        Some(_) => broken(expected, "a resultMsg that is not a string", "resultMsg is not a string"),
        None => {
            broken(expected, "no resultMsg", "resultMsg is missing; without it the marketplace cannot parse the answer")
        }
    }
}

fn content_type(answer: &Answer) -> Verdict {
    let found = answer.header("content-type").unwrap_or("none");
    let essence = found.split(';').next().unwrap_or_default().trim();
    match essence.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => broken("content type application/json", found, "the content type is not application/json"),
    }
}

fn code(call: &Call, json: &Value) -> Verdict {
    let code = match json.get("resultCode") {
        Some(Value::String(code)) => code.clone(),
        // Another rule reports that this is not a string.
        Some(Value::Number(number)) => format!("{:0>6}", number.to_string()),
        _ => return Ok(()),
    };
    let expected = "a code of the document's table for this activity";
    let Some(known) = ResultCode::ALL.iter().find(|known| known.as_str() == code) else {
        let cause = match code.len() {
            6 => "the code is not documented",
            _ => "a code has six characters; the seven digits printed in one document are a misprint",
        };
        return broken(expected, format!("{code:?}"), cause);
    };
    match call.activity.parse().ok() {
        Some(activity) if !known.allowed_for(activity) => {
            broken(expected, format!("{code} to {activity}"), "the code has no meaning for this activity")
        }
        _ => Ok(()),
    }
}

/// Returns whether the code is about the product, the customer or the License.
fn is_special(json: &Value) -> bool {
    let code = json.get("resultCode").and_then(Value::as_str).unwrap_or_default();
    code.len() == 6 && code > "000005"
}

/// Returns all access data and usage in an answer.
fn app_infos(json: &Value) -> impl Iterator<Item = &Value> {
    let described = json.get("info").and_then(Value::as_array).into_iter().flatten();
    json.get("appInfo")
        .into_iter()
        .chain(described.filter_map(|info| info.get("appInfo")))
        .filter(|info| !info.is_null())
}

fn is_filled(json: &Value, name: &str) -> bool {
    json.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

fn mandatory(call: &Call, json: &Value) -> Verdict {
    let activity = &*call.activity;
    let lacks = |name: &str| {
        let cause = format!("the answer to {activity} has no {name}");
        broken(&format!("{name} in the answer to {activity}"), "it is missing", &cause)
    };
    if activity != "queryInstance" && !is_filled(json, "instanceId") {
        return lacks("instanceId");
    }
    // The V1.0 debugging page requires it; otherwise it may come once the instance is ready.
    let is_test = call.query.iter().any(|(name, value)| name == "testFlag" && value == "1");
    if is_test && activity == "newInstance" && json.get("appInfo").is_none() {
        return lacks("appInfo.frontEndUrl");
    }
    if activity == "queryInstance" {
        let infos = json.get("info").and_then(Value::as_array).into_iter().flatten();
        if infos.into_iter().any(|info| !is_filled(info, "instanceId")) {
            return lacks("info[].instanceId");
        }
    }
    if app_infos(json).any(|info| !is_filled(info, "frontEndUrl")) {
        return lacks("appInfo.frontEndUrl");
    }
    Ok(())
}

/// Of what a wrong call gets, only the text of the refusal is judged.
fn lengths(profile: Profile, is_right: bool, json: &Value) -> Verdict {
    let is_ascii_only = profile.protocol().has_ascii_answers();
    let text = json.get("resultMsg").and_then(Value::as_str).unwrap_or_default();
    // Another rule is for its length and type.
    if is_ascii_only && !text.is_ascii() {
        return broken("resultMsg in ASCII", "other characters", "only memo may contain Chinese, not resultMsg");
    }
    if !is_right {
        return Ok(());
    }
    let mut measured = vec![(json, "instanceId", 64)];
    let described = json.get("info").and_then(Value::as_array).into_iter().flatten();
    measured.extend(described.map(|info| (info, "instanceId", 64)));
    for info in app_infos(json) {
        let table = [("frontEndUrl", 512), ("adminUrl", 512), ("userName", 128), ("password", 128), ("memo", 1024)];
        measured.extend(table.map(|(name, max)| (info, name, max)));
    }
    for usage in usage::all(json) {
        measured.extend([("relatedInstanceId", 64), ("dashboardUrl", 512)].map(|(name, max)| (usage, name, max)));
    }
    for (object, name, max) in measured {
        match object.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.chars().count() > max => {
                let got = format!("{} characters", text.chars().count());
                return broken(&format!("{name} of at most {max} characters"), got, "a field is too long");
            }
            Some(Value::String(text)) if is_ascii_only && name != "memo" && !text.is_ascii() => {
                return broken(&format!("{name} in ASCII"), "other characters", "only memo may contain Chinese");
            }
            Some(Value::String(_)) => {}
            Some(_) => {
                return broken(&format!("{name} as a string"), "another JSON type", "a field has the wrong type");
            }
        }
    }
    Ok(())
}

fn escapes(answer: &Answer, json: &Value) -> Verdict {
    let has_memo =
        app_infos(json).any(|info| info.get("memo").and_then(Value::as_str).is_some_and(|memo| !memo.is_ascii()));
    match has_memo && !answer.body.is_ascii() {
        true => broken(
            "memo in \\uXXXX escapes",
            "literal characters",
            "the JSON is written with literal non-ASCII characters",
        ),
        false => Ok(()),
    }
}

fn judge_body_sign(judge: &mut Judge, answer: &Answer, exchange: &Exchange) {
    let header = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(body_sign::HEADER)).cloned();
    let verdict = match &header {
        Some(_) => Ok(()),
        None => {
            broken("Body-Sign on every answer", "none", "some answers, perhaps only errors, bypass the code that signs")
        }
    };
    judge.record("F3", exchange, verdict.err());
    let Some((name, value)) = header else { return };

    if answer.header_case_is_known {
        let verdict = match &*name == body_sign::HEADER {
            true => Ok(()),
            false => broken(
                "the name Body-Sign in exactly this letter case",
                name,
                "the server writes header names in another case; the marketplace does not recognize it",
            ),
        };
        judge.record("F4", exchange, verdict.err());
    }
    let expected = "sign_type=\"HMAC-SHA256\", signature=\"...\"";
    let verdict = body_sign::verify(&judge.ring, &value, &answer.body);
    let is_malformed = matches!(verdict, Err(koogallery::signature::VerifyError::Malformed(_)));
    let form = match is_malformed {
        true => broken(expected, "another form", "both values must be in double quotes, the second in Base64"),
        false => Ok(()),
    };
    judge.record("F5", exchange, form.err());
    if is_malformed {
        return;
    }
    let verdict = match verdict {
        Ok(()) => Ok(()),
        Err(_) => broken(
            "a signature of exactly the bytes received",
            "a signature of something else",
            &body_sign_cause(judge, &value, &answer.body),
        ),
    };
    judge.record("F6", exchange, verdict.err());
}

/// Returns the likely mistake, in the words of the library's diagnosis.
fn body_sign_cause(judge: &Judge, value: &str, body: &[u8]) -> String {
    // Only the first violation is reported, and a diagnosis takes its time.
    if judge.findings.broken.contains_key("F6") {
        return String::new();
    }
    match diagnosis::body_sign(&judge.keys, judge.interface, value, body) {
        found @ Diagnosis::Explained(_) => found.to_string(),
        _ => "the signature is of another body, or uses another key (it must be the access key itself, without \
              timeStamp)"
            .to_owned(),
    }
}
