//! The cases of the seller console's debugging page, in its own words.

use std::time::Duration;

use serde_json::Value;

use crate::session::{Checked, Session, Stop};

/// The cases for a product sold by period, each saved only if it passes.
pub(super) async fn cases(session: &mut Session) -> Checked {
    let id = session.author.ids.uuid();
    let until = session.now().saturating_add(Duration::from_secs(365 * 86400));
    let cases = [
        Some(session.author.purchase()),
        session.author.query(&[&id]),
        session.author.renewal(&id, until),
        session.author.freeze(&id),
        session.author.unfreeze(&id),
        session.author.release(&id),
    ];
    let mut unreachable = None;
    for message in cases.into_iter().flatten() {
        let call = session.sign(&message);
        match session.send_raw_within(call, session.judge.deadline).await {
            Ok(answer) => session.console.push((message.activity, answer)),
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

pub(super) async fn mandatory(session: &mut Session) -> Checked {
    each(session, "all mandatory fields", "the response lacks a mandatory field", |activity, _, json| {
        let json = json?;
        let is_filled =
            |json: &Value, name: &str| json.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        if activity == "newInstance" && !is_filled(json, "instanceId") {
            return Some("response lacks {instanceId}".to_owned());
        }
        let infos = json.get("info").and_then(Value::as_array).into_iter().flatten();
        let mut infos = infos.filter(|_| activity == "queryInstance");
        infos.any(|info| !is_filled(info, "instanceId")).then(|| "response lacks {instanceId}".to_owned())
    })
}

pub(super) async fn lengths(session: &mut Session) -> Checked {
    each(session, "fields within their lengths", "the length of a field is not legal", |_, _, json| {
        let tables = [
            ("instanceId", 64),
            ("resultMsg", 255),
            ("frontEndUrl", 512),
            ("adminUrl", 512),
            ("userName", 128),
            ("password", 128),
            ("memo", 1024),
        ];
        let mut objects = vec![json?];
        while let Some(object) = objects.pop() {
            for (name, max) in tables {
                let length = object.get(name).and_then(Value::as_str).map_or(0, |text| text.chars().count());
                if length > max {
                    return Some(format!("length of {{{name}}} is {length}"));
                }
            }
            objects.extend(object.get("appInfo"));
            objects.extend(object.get("info").and_then(Value::as_array).into_iter().flatten());
        }
        None
    })
}
