//! Refusals in another form than documented.

use super::{Evidence, Found, Open, Weight, ids_of};
use crate::seen::Seen;
use crate::symptom::Symptom;

/// Calls that are not authenticated are refused with another HTTP status or code than 200 and `000001`.
pub(super) fn other_codes(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    // The first call shows it too, when it is refused.
    let forged = evidence.seen.iter().filter(|seen| matches!(seen.check, "A1" | "X1" | "X2") && !seen.is_right);
    let forged = forged.filter(|seen| seen.symptom.is_none());
    let refusals: Vec<_> =
        forged.filter(|seen| !matches!(seen.code.as_deref(), Some("000000" | "000004" | "000001"))).collect();
    let known = refusals.first();
    let is_forged = |seen: &&Seen| (seen.check.starts_with('X') || seen.check == "A1") && !seen.is_right;
    let by_status = evidence.seen.iter().filter(is_forged).find(|seen| matches!(seen.status, Some(400..=499)));
    let usual = known.copied().or(by_status)?;
    let code = usual.code.as_deref().unwrap_or("no resultCode");
    let status = usual.status.unwrap_or_default();
    let is_other = |check: &Open<'_>| check.id().starts_with('X') && check.failure.symptom == Symptom::OtherRefusal;
    let is_same_code = |check: &Open<'_>| usual.code.as_deref().is_some_and(|code| check.failure.got.contains(code));
    // A single way to be refused says nothing about the others.
    let is_usual = evidence.first_call.is_some_and(|first| !first.mistakes.is_empty())
        || open.iter().filter(|check| is_other(check)).count() > 1;
    if !is_usual {
        return None;
    }
    let checks = ids_of(open, |check| match check.id() {
        "F1" => !check.failure.cause.contains("code fails") && status != 200,
        "F7" | "L16" => is_same_code(check),
        _ => is_other(check),
    });
    Some(Found {
        weight: Weight::Codes,
        headline: format!("refusals use HTTP status {status} and {code}: they have to use HTTP 200 and 000001"),
        advice: "answer a call that is not authenticated like every other one: HTTP 200, with 000001 in resultCode"
            .to_owned(),
        checks,
    })
}
