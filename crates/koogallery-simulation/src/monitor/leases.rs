//! Leases as the stores give them, and runs of the handler under them.

use std::ops::Range;

use super::{Invariant, Monitor};
use crate::scheduler::Owner;

/// The time for which an instance is held.
pub(super) struct Tenure {
    holder: u128,
    owner: Owner,
    until: i64,
    is_over: bool,
}

/// The last run of the handler for a change.
pub(super) struct Run {
    token: u32,
    has_failed: bool,
}

impl Monitor {
    /// A store has given a lease.
    pub(crate) fn granted(&mut self, id: &str, token: u32, holder: u128, owner: Owner, now: i64, until: i64) {
        if let Some(last) = self.current.get(id).copied() {
            if token <= last {
                self.violate(Invariant::OneHolder, format!("{id}: number {token} was given after {last}"));
            }
            if let Some(tenure) = self.tenures.get(&(id.to_owned(), last))
                && !tenure.is_over
                && tenure.until > now
            {
                let left = tenure.until - now;
                let what = format!("{id} was given to {token} while {last} had it for {left} ms more");
                self.violate(Invariant::OneHolder, what);
            }
        }
        self.current.insert(id.to_owned(), token);
        self.tenures.insert((id.to_owned(), token), Tenure { holder, owner, until, is_over: false });
    }

    fn current(&mut self, id: &str) -> Option<&mut Tenure> {
        let token = *self.current.get(id)?;
        self.tenures.get_mut(&(id.to_owned(), token))
    }

    /// A store has extended a lease.
    pub(crate) fn extended(&mut self, id: &str, holder: u128, until: i64) {
        match self.current(id) {
            Some(tenure) if tenure.holder == holder && !tenure.is_over => tenure.until = until,
            _ => self.violate(Invariant::HolderOnly, format!("{id} was extended for one who does not hold it")),
        }
    }

    /// A store has ended a lease at the wish of its holder.
    pub(crate) fn ended(&mut self, id: &str, holder: u128, how: &str) {
        match self.current(id) {
            Some(tenure) if tenure.holder == holder && !tenure.is_over => tenure.is_over = true,
            _ => self.violate(Invariant::HolderOnly, format!("{how} {id} was taken from one who does not hold it")),
        }
    }

    /// The same for a store that does nothing where the lease is another's.
    pub(crate) fn extended_if_held(&mut self, id: &str, holder: u128, until: i64) {
        if let Some(tenure) = self.current(id).filter(|tenure| tenure.holder == holder) {
            tenure.until = until;
        }
    }

    /// See [`extended_if_held`](Self::extended_if_held).
    pub(crate) fn ended_if_held(&mut self, id: &str, holder: u128) {
        if let Some(tenure) = self.current(id).filter(|tenure| tenure.holder == holder) {
            tenure.is_over = true;
        }
    }

    /// Returns who holds the instance, whether or not its time is over.
    pub(crate) fn holder_of(&self, id: &str) -> Option<u128> {
        let token = *self.current.get(id)?;
        let tenure = self.tenures.get(&(id.to_owned(), token))?;
        (!tenure.is_over).then_some(tenure.holder)
    }

    /// An operation of a holder was disturbed, so that the lease may be lost.
    pub(crate) fn disturb(&mut self, holder: u128) {
        self.disturbed.insert(holder);
    }

    /// A process was killed or paused.
    pub(crate) fn disturb_owner(&mut self, owner: Owner) {
        let held = self.tenures.values().filter(|tenure| tenure.owner == owner && !tenure.is_over);
        self.disturbed.extend(held.map(|tenure| tenure.holder));
    }

    /// A process was killed: what it did has ended.
    pub(crate) fn killed(&mut self, owner: Owner) {
        self.disturb_owner(owner);
        let Self { active, tenures, .. } = self;
        for (id, tokens) in active.iter_mut() {
            tokens.retain(|token, _| tenures.get(&(id.clone(), *token)).is_none_or(|tenure| tenure.owner != owner));
        }
    }

    fn is_disturbed(&self, id: &str, token: u32) -> bool {
        let tenure = self.tenures.get(&(id.to_owned(), token));
        tenure.is_some_and(|tenure| self.disturbed.contains(&tenure.holder))
    }

    /// Returns whether the change is one of the status, and a run between those failed or was cut off that may have changed it
    /// back.
    fn is_unsettled(&self, id: &str, change: &str, runs: Range<u32>) -> bool {
        let has_failed = |token| self.failed.contains(&(id.to_owned(), token));
        let is_open = |token| has_failed(token) || self.is_disturbed(id, token);
        matches!(change, "freeze" | "unfreeze") && runs.skip(1).any(is_open)
    }

    /// The handler begins a change.
    pub(crate) fn run_started(&mut self, id: &str, change: &str, token: u32, owner: Owner) {
        self.runs_started += 1;
        self.note(owner, format_args!("handler {change} of {id} begins, run {token}"));
        // A lease may be over when it arrives, if its grant was held up.
        let is_disturbed = self.is_disturbed(id, token);
        let others: Vec<u32> = self.active.get(id).into_iter().flat_map(|active| active.keys().copied()).collect();
        for other in others {
            if !is_disturbed && !self.is_disturbed(id, other) {
                let what = format!("{id}: {change} began in run {token} while run {other} was at work");
                self.violate(Invariant::OneAtATime, what);
            }
        }
        let key = (id.to_owned(), change.to_owned());
        if let Some(&Run { token: before, has_failed: false }) = self.runs.get(&key)
            && (before == token || !is_disturbed && !self.is_disturbed(id, before))
            && !self.is_unsettled(id, change, before..token)
        {
            let what = format!("{id}: {change} was done in run {before} and began again in run {token}");
            self.violate(Invariant::OneRun, what);
        }
        self.runs.insert(key, Run { token, has_failed: false });
        // A status may be asked for again once another one was tried, whatever has come of it.
        match change {
            "freeze" => drop(self.runs.remove(&(id.to_owned(), "unfreeze".to_owned()))),
            "unfreeze" => drop(self.runs.remove(&(id.to_owned(), "freeze".to_owned()))),
            _ => {}
        }
        self.active.entry(id.to_owned()).or_default().insert(token, change.to_owned());
    }

    /// The handler has ended.
    pub(crate) fn run_ended(&mut self, id: &str, change: &str, token: u32, owner: Owner, is_ok: bool) {
        self.note(owner, format_args!("handler {change} of {id} ends, run {token}, ok {is_ok}"));
        if let Some(active) = self.active.get_mut(id) {
            active.remove(&token);
        }
        if !is_ok {
            self.failed.insert((id.to_owned(), token));
            // All of the change is done again: a renewal that ends a freeze runs the handler twice.
            let of_instance = self.runs.range_mut((id.to_owned(), String::new())..);
            let of_run = of_instance.take_while(|((of, _), _)| of == id).filter(|(_, run)| run.token == token);
            of_run.for_each(|(_, run)| run.has_failed = true);
        }
    }
}
