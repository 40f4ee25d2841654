//! Orders, and the seller's accounts for them.

use std::collections::BTreeSet;

use super::{Invariant, Monitor};
use crate::scheduler::Owner;

/// The seller's account of an instance, as the handler writes it.
#[derive(Default)]
pub(super) struct Account {
    fence: u32,
    state: AccountState,
    done: BTreeSet<String>,
}

/// The state of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountState {
    /// Nothing was written yet.
    #[default]
    Absent,
    /// In use.
    Open,
    /// Frozen.
    Frozen,
    /// Released.
    Released,
}

/// The calls that change the status of an instance, as the marketplace signed them.
#[derive(Default)]
pub(super) struct StatusCalls {
    signed: Vec<(&'static str, i64)>,
    newest_success: i64,
    is_released: bool,
}

impl Monitor {
    /// An id of an order was seen.
    pub(crate) fn saw_id(&mut self, order: &str, id: &str) {
        let first = self.id_of.entry(order.to_owned()).or_insert_with(|| id.to_owned()).clone();
        if first != id {
            self.violate(Invariant::OneId, format!("order {order} has {id} after {first}"));
        }
        let owner = self.order_of.entry(id.to_owned()).or_insert_with(|| order.to_owned()).clone();
        if owner != order {
            self.violate(Invariant::OneId, format!("{id} belongs to order {owner} and to {order}"));
        }
    }

    /// A call about the status of an instance was signed.
    pub(crate) fn status_signed(&mut self, id: &str, status: &'static str, at: i64) {
        self.statuses.entry(id.to_owned()).or_default().signed.push((status, at));
    }

    /// The marketplace knows that a call about the status has succeeded.
    pub(crate) fn status_succeeded(&mut self, id: &str, status: &'static str, at: i64) {
        let calls = self.statuses.entry(id.to_owned()).or_default();
        calls.newest_success = at.max(calls.newest_success);
        calls.is_released |= status == "release";
    }

    /// The handler writes to the account. Returns whether the fence lets it.
    pub(crate) fn write(&mut self, id: &str, change: &str, token: u32, owner: Owner) -> bool {
        let account = self.accounts.entry(id.to_owned()).or_default();
        if token < account.fence {
            self.note(owner, format_args!("account {id} refuses {change} of run {token}"));
            return false;
        }
        account.fence = token;
        account.done.insert(change.to_owned());
        let status = match change {
            "freeze" => Some("freeze"),
            "unfreeze" => Some("unfreeze"),
            "release" => Some("release"),
            _ => None,
        };
        match (change, account.state) {
            ("freeze", _) => account.state = AccountState::Frozen,
            ("release", _) => account.state = AccountState::Released,
            ("unfreeze", _) | ("create", AccountState::Absent) => account.state = AccountState::Open,
            _ => {}
        }
        self.note(owner, format_args!("account {id}: {change} by run {token}"));
        let calls = self.statuses.entry(id.to_owned()).or_default();
        let (newest, was_released) = (calls.newest_success, calls.is_released);
        if let Some(status) = status
            && !calls.signed.iter().any(|(signed, at)| *signed == status && *at >= newest)
        {
            let what = format!("{id}: {change} took effect after a later call had succeeded");
            self.violate(Invariant::NewestWins, what);
        }
        if was_released && change != "release" {
            self.violate(Invariant::NewestWins, format!("{id}: {change} took effect after the release"));
        }
        true
    }

    /// Checks what an answer of success says against the account.
    pub(crate) fn check_success(&mut self, id: &str, change: &str, state: Option<AccountState>) {
        let account = self.accounts.entry(id.to_owned()).or_default();
        let (is_done, is) = (account.done.contains(change), account.state);
        if !is_done && !matches!(change, "freeze" | "unfreeze") {
            self.violate(Invariant::SuccessIsDone, format!("{change} of {id} succeeded and was never done"));
        }
        if let Some(state) = state.filter(|state| *state != is) {
            let what = format!("{change} of {id} succeeded, and its account is {is:?} instead of {state:?}");
            self.violate(Invariant::SuccessIsDone, what);
        }
    }
}
