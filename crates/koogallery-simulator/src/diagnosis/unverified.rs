//! Calls that nothing verifies.

use super::{Evidence, Found, Open, Weight, ids_of};
use crate::symptom::Symptom;

/// Without a signature, or with any, calls are accepted: further forgeries prove nothing new.
pub(super) fn unverified(evidence: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let is_accepted = |check: &&Open<'_>| check.failure.symptom == Symptom::Accepted;
    let shown = open.iter().filter(is_accepted).find(|check| matches!(check.id(), "X1" | "X2"))?;
    let how = if shown.id() == "X1" { "without a signature" } else { "with a wrong signature" };
    let activities = evidence.unverified.join(", ");
    if evidence.is_wholly_unverified {
        return Some(Found {
            weight: Weight::Verification,
            headline: format!("nothing is verified: calls {how} are accepted ({activities})"),
            advice: "verify the signature of every call before anything else, over the raw body or the decoded query"
                .to_owned(),
            checks: ids_of(open, |check| {
                check.id().starts_with('X') && check.failure.symptom == Symptom::Accepted && check.id() != "X10"
            }),
        });
    }
    let is_harmless = evidence.unverified.iter().all(|activity| activity == "changeInstanceCheck");
    Some(Found {
        weight: if is_harmless { Weight::Replay } else { Weight::Verification },
        headline: format!("{activities} is not verified: accepted {how}, while other calls are refused"),
        advice: "verify in one place, before the activity is looked at".to_owned(),
        checks: ids_of(open, |check| matches!(check.id(), "X1" | "X2") && check.failure.symptom == Symptom::Accepted),
    })
}
