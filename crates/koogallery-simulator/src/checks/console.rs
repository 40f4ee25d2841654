//! The cases of the seller console's debugging page, in its own words.

use std::time::Duration;

use serde_json::Value;

use super::served::{about, unserved};
use crate::charging::Charging;
use crate::message::Message;
use crate::session::{Checked, Session, Stop};
use koogallery::activity::Activity::{
    self, ChangeInstanceCheck, InstanceStatus, NewInstance, RefreshInstance, UpdateInstanceStatus, Upgrade,
    UpgradeInstance,
};
use koogallery::protocol::Protocol;
use koogallery::signature::{VerifyError, body_sign};
use koogallery::wire::RenewalScene;

/// What products may have on top of what they need.
const OPTIONAL: [Activity; 3] = [Upgrade, UpgradeInstance, ChangeInstanceCheck];

/// Returns the cases that a product needs for publication, and those of upgrades if the endpoint implements them.
async fn needed(session: &mut Session) -> Result<Vec<Message>, Stop> {
    let protocol = session.profile.protocol();
    let ways = if session.charging.is_empty() { vec![Charging::Period] } else { session.charging.clone() };
    let optional: Vec<_> = protocol.activities().iter().copied().filter(|it| OPTIONAL.contains(it)).collect();
    let unserved = unserved(session, optional).await?;
    for activity in &unserved {
        session.notes.push(format!("{activity} is not implemented: it is optional"));
    }
    let mut cases = Vec::new();
    for activity in protocol.activities() {
        let is_needed = ways.iter().any(|way| way.requires(protocol, *activity));
        if is_needed || (OPTIONAL.contains(activity) && !unserved.contains(activity)) {
            cases.extend(cases_of(session, *activity, &ways));
        }
    }
    Ok(cases)
}

fn cases_of(session: &mut Session, activity: Activity, ways: &[Charging]) -> Vec<Message> {
    let is_v1 = session.profile.protocol() == Protocol::SaasV1;
    let id = session.author.ids.uuid();
    let plain = about(session, activity, &id);
    match activity {
        // A package is bought as one, and with it what is charged for by usage.
        NewInstance if is_v1 => {
            let has_package = ways.contains(&Charging::Package) && !ways.contains(&Charging::OnDemand);
            let ways = ways.iter().copied().chain(has_package.then_some(Charging::OnDemand));
            ways.map(|way| session.author.purchase_by(way)).collect()
        }
        // With an empty product; of a trial, with a product.
        RefreshInstance if is_v1 => {
            let until = session.now().saturating_add(Duration::from_secs(365 * 86400));
            let order = session.author.ids.order();
            let formal = session.author.renewal_by(&id, until, &order, RenewalScene::TrialToFormal);
            plain.map(|message| message.with("productId", "")).into_iter().chain(formal).collect()
        }
        InstanceStatus => plain.into_iter().flat_map(|it| [it.clone().with("instanceStatus", "FREEZE"), it]).collect(),
        UpdateInstanceStatus => plain.into_iter().flat_map(|it| [it.clone().with("status", "FREEZE"), it]).collect(),
        _ => plain.into_iter().collect(),
    }
}

/// The cases, each saved only if it passes.
pub(super) async fn cases(session: &mut Session) -> Checked {
    let cases = needed(session).await?;
    let mut unreachable = None;
    for message in cases {
        let call = session.sign(&message);
        match session.send_raw_within(call, session.judge.deadline).await {
            Ok(outcome) => session.console.push((message.activity, outcome.map(|(_, answer)| answer))),
            Err(stop) => drop(unreachable.get_or_insert(stop)),
        }
    }
    unreachable.map_or(Ok(()), |stop| match stop {
        Stop::Failed(failure) => Err(Stop::failed(
            failure.expected,
            failure.got,
            "production address unreachable: it is down, not public, or blocked by a gateway",
        )),
        other => Err(other),
    })
}

/// Returns the first case whose answer breaks a rule; `broken` describes the violation.
fn each(
    session: &Session,
    expected: &str,
    cause: &str,
    broken: impl Fn(&str, &crate::Answer, Option<&Value>) -> Option<String>,
) -> Checked {
    for (activity, answer) in &session.console {
        let Some(answer) = answer else { continue };
        let json = serde_json::from_slice(&answer.body).ok();
        if let Some(got) = broken(activity, answer, json.as_ref()) {
            return Err(Stop::failed(format!("{activity}: {expected}"), got, cause));
        }
    }
    Ok(())
}

pub(super) async fn status(session: &mut Session) -> Checked {
    each(session, "HTTP 200", "httpCode is not 200", |_, answer, _| {
        (answer.status != 200).then(|| format!("httpCode = {}", answer.status))
    })
}

pub(super) async fn in_time(session: &mut Session) -> Checked {
    match session.console.iter().find(|(_, answer)| answer.is_none()) {
        Some((activity, _)) => {
            Err(Stop::failed(format!("{activity}: an answer within {:?}", session.judge.deadline), "none", "timed out"))
        }
        None => Ok(()),
    }
}

pub(super) async fn content_type(session: &mut Session) -> Checked {
    each(session, "application/json", "wrong content-type", |_, answer, _| {
        let found = answer.header("content-type").unwrap_or("none");
        let essence = found.split(';').next().unwrap_or_default().trim();
        (!essence.eq_ignore_ascii_case("application/json")).then(|| found.to_owned())
    })
}

pub(super) async fn parsable(session: &mut Session) -> Checked {
    each(session, "JSON with resultCode and resultMsg", "cannot parse response body", |_, _, json| {
        let missing =
            ["resultCode", "resultMsg"].into_iter().find(|name| json.and_then(|json| json.get(name)).is_none());
        missing.map(|name| if json.is_some() { format!("no {name}") } else { "no JSON".to_owned() })
    })
}

pub(super) async fn success(session: &mut Session) -> Checked {
    each(session, "resultCode 000000", "the result code returned is an error", |_, _, json| {
        let code = json.and_then(|json| json.get("resultCode"))?;
        (code != "000000").then(|| format!("resultCode {code}"))
    })
}

fn is_filled(json: &Value, name: &str) -> bool {
    match json.get(name) {
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Number(_)) => true,
        _ => false,
    }
}

/// Returns the mandatory field that an answer lacks.
fn lacking(protocol: Protocol, activity: &str, json: &Value) -> Option<&'static str> {
    match activity {
        "newInstance" if !is_filled(json, "instanceId") => Some("instanceId"),
        "newInstance" if protocol == Protocol::SaasV1 => {
            let has_address = json.get("appInfo").is_some_and(|app| is_filled(app, "frontEndUrl"));
            (!has_address).then_some("frontEndUrl")
        }
        "queryInstance" => {
            let infos = entries(json, "info");
            if infos.is_empty() || infos.iter().any(|info| !is_filled(info, "instanceId")) {
                return Some("instanceId");
            }
            let usages = infos.iter().flat_map(|info| entries(info, "usageInfo"));
            let mut lacking = usages
                .filter_map(|usage| ["usageValue", "statisticalTime"].into_iter().find(|it| !is_filled(usage, it)));
            lacking.next()
        }
        _ => None,
    }
}

fn entries<'j>(json: &'j Value, name: &str) -> &'j [Value] {
    json.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) async fn mandatory(session: &mut Session) -> Checked {
    let protocol = session.profile.protocol();
    each(session, "all mandatory fields", "the response lacks a mandatory field", |activity, _, json| {
        // What another code lacks, the page does not look at.
        let json = json.filter(|json| json.get("resultCode").is_some_and(|code| code == "000000"))?;
        lacking(protocol, activity, json).map(|name| format!("response lacks {{{name}}}"))
    })
}

pub(super) async fn lengths(session: &mut Session) -> Checked {
    each(session, "fields within their lengths", "the length of a field is not legal", |_, _, json| {
        let tables = [
            ("instanceId", 64),
            ("resultCode", 6),
            ("resultMsg", 255),
            ("encryptType", 3),
            ("frontEndUrl", 512),
            ("adminUrl", 512),
            ("userName", 128),
            ("password", 128),
            ("memo", 1024),
            ("relatedInstanceId", 64),
            ("usageValue", 20),
            ("statisticalTime", 20),
            ("dashboardUrl", 512),
        ];
        let mut objects = vec![json?];
        while let Some(object) = objects.pop() {
            for (name, max) in tables {
                let length = match object.get(name) {
                    Some(Value::String(text)) => text.chars().count(),
                    Some(Value::Number(number)) => number.to_string().len(),
                    _ => 0,
                };
                if length > max {
                    return Some(format!("length of {{{name}}} is {length}"));
                }
            }
            objects.extend(object.get("appInfo"));
            objects.extend(entries(object, "info"));
            objects.extend(entries(object, "usageInfo"));
        }
        None
    })
}

/// Returns the header as it was received.
fn body_sign_of(answer: &crate::Answer) -> Option<&(String, String)> {
    answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(body_sign::HEADER))
}

fn verdict(session: &Session, answer: &crate::Answer) -> Option<Result<(), VerifyError>> {
    let (_, value) = body_sign_of(answer)?;
    Some(body_sign::verify(&session.judge.ring, value, &answer.body))
}

pub(super) async fn body_sign_is_there(session: &mut Session) -> Checked {
    each(
        session,
        "Body-Sign: sign_type=\"HMAC-SHA256\", signature=\"...\"",
        "Body-Sign is missing or wrong",
        |_, answer, _| {
            let Some((name, value)) = body_sign_of(answer) else { return Some("no header Body-Sign".to_owned()) };
            if answer.header_case_is_known && name != body_sign::HEADER {
                return Some(format!("the header is written as {name}"));
            }
            let is_malformed = matches!(verdict(session, answer), Some(Err(VerifyError::Malformed(_))));
            is_malformed.then(|| format!("{name}: {value}"))
        },
    )
}

pub(super) async fn body_sign_fits(session: &mut Session) -> Checked {
    each(session, "a signature of the body", "the signature of the body does not match", |_, answer, _| {
        match verdict(session, answer) {
            Some(Err(VerifyError::Malformed(_))) | Some(Ok(())) | None => None,
            Some(Err(_)) => Some("a signature of something else".to_owned()),
        }
    })
}
