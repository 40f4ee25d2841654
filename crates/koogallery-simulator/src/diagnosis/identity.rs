//! Orders that are not remembered.

use super::{Evidence, Found, Open, Weight, ids_of};

/// Every copy of a purchase gets an instance of its own: then a replayed one does so too.
pub(super) fn orders(_: &Evidence<'_>, open: &[Open<'_>]) -> Option<Found> {
    let twice = open.iter().find(|check| check.id() == "I1")?;
    Some(Found {
        weight: Weight::Orders,
        headline: twice.failure.cause.clone(),
        advice: twice.result.check.hint.to_owned(),
        checks: ids_of(open, |check| {
            check.failure.cause == twice.failure.cause
                || (check.id() == "X10" && check.failure.got == "another instance")
        }),
    })
}
