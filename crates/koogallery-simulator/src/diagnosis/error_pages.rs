//! Answers that do not come from the code that answers calls.

use super::{Evidence, Found, Open, Weight, ids_of};

/// The same answers break several rules: they are pages of the framework, or of something in front of it.
pub(super) fn error_pages(_: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let answers = |check: &Open<'_>| {
        let text = &check.failure.got;
        text.rfind(" (").map(|at| text[at..].to_owned())
    };
    let is_error = |text: &str| ["HTTP status 4", "HTTP status 5"].iter().any(|error| text.starts_with(error));
    let first = open.iter().find(|check| check.id() == "F1" && is_error(&check.failure.got))?;
    let these = answers(first)?;
    let checks =
        ids_of(open, |check| matches!(check.id(), "F1" | "F2" | "F3") && answers(check).as_ref() == Some(&these));
    (checks.len() > 1).then(|| Found {
        weight: Weight::Codes,
        headline: format!("error pages in place of answers: {}", first.failure.got),
        advice:
            "answer in one place, also what the framework refuses: HTTP 200, JSON, a result code, and signed in V1.0"
                .to_owned(),
        checks,
    })
}
