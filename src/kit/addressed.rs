//! The check that a message is read at no other path than its own.

use crate::activity::Activity;
use crate::wire::{FieldProblem, Members, ParseError};

/// Members of other messages that hold all that this one must hold. The others must hold what no message but them has.
fn foreign(activity: Activity) -> &'static [&'static str] {
    match activity {
        Activity::TenantSync => &["appId", "userList", "orgCode", "orgInfo", "orgInfoList"],
        Activity::ApplicationSync => &["userList"],
        _ => &[],
    }
}

/// Refuses a message that holds what only another message has: it was made for another path, which is not signed.
pub(super) fn check(activity: Activity, members: &Members<'_>) -> Result<(), ParseError> {
    match foreign(activity).iter().copied().find(|name| members.has(name)) {
        Some(field) => Err(ParseError::of_field(field, FieldProblem::Misplaced)),
        None => Ok(()),
    }
}
