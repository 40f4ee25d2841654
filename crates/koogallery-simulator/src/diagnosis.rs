//! One pass over everything that a run has seen, before anything is printed: the mistakes behind the failed checks, the
//! heaviest first, each with its consequences.

mod crashes;
mod error_pages;
mod first_call;
mod front_door;
mod identity;
mod refusals;
mod unverified;
mod weight;

use std::cmp::Reverse;

use super::check::Severity;
use super::checks::FirstCall;
use super::front_door::FrontDoor;
use super::profile::Profile;
use super::report::{Cause, CheckResult, Failure, Outcome};
use super::seen::{Seen, listed};
use super::session::Session;
use super::symptom::Symptom;
use weight::Weight;

/// What a run has shown.
struct Evidence<'a> {
    profile: Profile,
    seen: &'a [Seen],
    first_call: Option<&'a FirstCall>,
    /// Activities of calls that were accepted without a valid signature.
    unverified: &'a [String],
    /// Whether that holds for the call that creates something.
    is_wholly_unverified: bool,
    /// The address of the calls.
    target: &'a str,
    /// The program that calls reach first, if it is known.
    door: Option<&'a FrontDoor>,
}

/// A failed check that no mistake explains yet.
#[derive(Clone, Copy)]
struct Open<'a> {
    result: &'a CheckResult,
    failure: &'a Failure,
}

impl Open<'_> {
    fn id(&self) -> &'static str {
        self.result.check.id
    }
}

/// A mistake, and the checks that it explains.
struct Found {
    weight: Weight,
    headline: String,
    advice: String,
    checks: Vec<&'static str>,
}

type Detector = fn(&Evidence<'_>, &[Open<'_>]) -> Option<Found>;

/// In this order: a check belongs to the first mistake that explains it.
const DETECTORS: &[Detector] = &[
    first_call::unreachable,
    front_door::redirect,
    front_door::compression,
    front_door::rate_limit,
    front_door::gate,
    first_call::refused,
    first_call::optional_fields,
    unverified::unverified,
    first_call::stopped,
    first_call::client_secret,
    front_door::body_limit,
    front_door::query,
    front_door::letter_case,
    crashes::hangs,
    crashes::crashes,
    refusals::other_codes,
    identity::orders,
    error_pages::error_pages,
];

/// Returns the mistakes behind the failed checks.
pub(super) fn causes(results: &[CheckResult], session: &Session) -> Vec<Cause> {
    let target = session.target.name();
    let evidence = Evidence {
        profile: session.profile,
        seen: &session.seen,
        first_call: session.first_call.as_ref(),
        unverified: &session.unverified,
        is_wholly_unverified: session.is_wholly_unverified,
        target: &target,
        door: session.front_door.as_ref(),
    };
    let mut open: Vec<_> = results
        .iter()
        .filter_map(|result| match &result.outcome {
            Outcome::Failed(failure) => Some(Open { result, failure }),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for detect in DETECTORS {
        if open.is_empty() {
            break;
        }
        if let Some(mistake) = detect(&evidence, &open).filter(|mistake| !mistake.checks.is_empty()) {
            open.retain(|check| !mistake.checks.contains(&check.id()));
            found.push(mistake);
        }
    }
    found.extend(by_text(open));
    let severity = |id: &&str| results.iter().find(|result| result.check.id == *id).map(|result| result.check.severity);
    let mut causes: Vec<_> = found
        .into_iter()
        .map(|found| {
            let severity = found.checks.iter().filter_map(severity).max().unwrap_or(Severity::Info);
            let Found { weight, headline, advice, checks } = found;
            (weight, Cause { headline, advice, severity, checks, repeat: String::new() })
        })
        .collect();
    causes.sort_by_key(|(weight, cause)| (cause.severity != Severity::Must, *weight, Reverse(cause.checks.len())));
    causes.into_iter().map(|(_, cause)| cause).collect()
}

/// What has no detector of its own is explained by the check that found it.
fn by_text(open: Vec<Open<'_>>) -> Vec<Found> {
    let mut found: Vec<(Severity, Found)> = Vec::new();
    for Open { result, failure } in open {
        let check = result.check;
        let weight = match failure.symptom {
            // It is refused after all.
            Symptom::OtherRefusal => Weight::Codes,
            _ => weight::of(check.id),
        };
        match found.iter_mut().find(|(_, found)| found.headline == failure.cause) {
            Some((severity, found)) => {
                found.checks.push(check.id);
                found.weight = found.weight.min(weight);
                if check.severity > *severity {
                    *severity = check.severity;
                    failure.advice.unwrap_or(check.hint).clone_into(&mut found.advice);
                }
            }
            None => {
                let (headline, advice) = (failure.cause.clone(), failure.advice.unwrap_or(check.hint).to_owned());
                found.push((check.severity, Found { weight, headline, advice, checks: vec![check.id] }));
            }
        }
    }
    found.into_iter().map(|(_, found)| found).collect()
}

/// Returns the ids of the checks for which this is true.
fn ids_of(open: &[Open<'_>], is_meant: impl Fn(&Open<'_>) -> bool) -> Vec<&'static str> {
    open.iter().filter(|check| is_meant(check)).map(Open::id).collect()
}

/// Counts by name, the most frequent first.
fn counted(names: impl Iterator<Item = String>) -> String {
    const NAMED: usize = 5;
    let mut counts: Vec<(String, u32)> = Vec::new();
    for name in names {
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    listed(counts, NAMED, "more")
}
