//! Code behind the address that fails or never ends.

use super::{Evidence, Found, Open, Weight, counted, ids_of};
use crate::seen::Seen;
use crate::symptom::Symptom;

/// The code behind the address failed: an error page, or a connection that was cut.
pub(super) fn crashes(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let is_crash = |seen: &&Seen| seen.symptom == Some(Symptom::Crash);
    let crashes = || evidence.seen.iter().filter(is_crash);
    let first = crashes().next()?;
    let how = first.status.map_or_else(|| "the connection is cut".to_owned(), |status| format!("HTTP status {status}"));
    let is_only_crash = evidence.seen.iter().all(|seen| seen.symptom.is_some() || seen.status == Some(200));
    let checks = ids_of(open, |check| match check.id() {
        // Other answers may have broken the rules for every answer as well.
        "F1" | "F2" | "F3" => is_only_crash || check.failure.cause.contains("code fails"),
        _ => check.failure.symptom == Symptom::Crash,
    });
    let of_right = crashes().any(|seen| seen.is_right);
    Some(Found {
        weight: if of_right { Weight::Valid } else { Weight::Codes },
        headline: format!(
            "the endpoint's code fails ({how}) at {} of {} calls: {}",
            crashes().count(),
            evidence.seen.len(),
            counted(crashes().map(Seen::subject))
        ),
        advice: "catch errors in one place, and answer them with HTTP 200 and a result code like every other call"
            .to_owned(),
        checks,
    })
}

/// Some activities never answer.
pub(super) fn hangs(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let mut activities: Vec<&str> = Vec::new();
    for seen in evidence.seen.iter().filter(|seen| seen.symptom == Some(Symptom::Hang)) {
        if !activities.contains(&&*seen.activity) {
            activities.push(&seen.activity);
        }
    }
    Some(Found {
        weight: Weight::Valid,
        headline: format!("the endpoint hangs at {}", activities.join(", ")),
        advice: "answer every call, also activities that are not implemented (000002)".to_owned(),
        checks: ids_of(open, |check| check.failure.symptom == Symptom::Hang),
    })
}
