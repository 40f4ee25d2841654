//! What the marketplace requires of an answer, rule by rule.

use koogallery::result_code::ResultCode;
use koogallery_simulator::delivery::DeliveryOutcome;
use koogallery_simulator::{Attempt, Exchange};
use serde_json::{Value, json};

/// Returns the rules and whether the answer follows them; none without an answer.
pub fn checks(attempt: &Attempt) -> Vec<Value> {
    let Attempt { protocol, activity, outcome, exchange, .. } = attempt;
    let Exchange { answer_headers, answer_body, duration, .. } = exchange;
    let Some(status) = exchange.status else { return Vec::new() };
    let content_type = answer_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let media_type = content_type.and_then(|(_, value)| value.split(';').next()).map(str::trim);
    let body = serde_json::from_str::<Value>(answer_body).ok();
    let has_text = |name: &str| body.as_ref().is_some_and(|body| body[name].is_string());
    let code = outcome.code().or_else(|| body.as_ref()?["resultCode"].as_str());
    let known = ResultCode::ALL.iter().find(|known| Some(known.as_str()) == code);
    let is_signed = !matches!(outcome, DeliveryOutcome::Unsigned | DeliveryOutcome::Unreadable { .. });
    let limit = protocol.timeout();
    let rules = [
        Some(("the HTTP status is 200".to_owned(), status == 200)),
        Some((
            "the content type is application/json".to_owned(),
            media_type.is_some_and(|it| it.eq_ignore_ascii_case("application/json")),
        )),
        // A long body is not whole here.
        (code.is_some() || body.is_some()).then(|| {
            (
                "the body is JSON with resultCode and resultMsg".to_owned(),
                has_text("resultCode") && has_text("resultMsg"),
            )
        }),
        Some((format!("{activity} has the result code"), known.is_some_and(|known| known.allowed_for(*activity)))),
        protocol.signs_answers().then(|| ("Body-Sign is the signature of the body".to_owned(), is_signed)),
        Some((format!("the answer comes within {limit:?}"), *duration <= limit)),
    ];
    rules.into_iter().flatten().map(|(rule, ok)| json!({"rule": rule, "ok": ok})).collect()
}
