//! The state of a License in this process: what to do next, and the outcome of a check.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use time::UtcOffset;

use super::answer::Answer;
use super::record::Record;
use super::{HeartbeatError, OfflinePolicy, Permit, StateError};
use crate::backoff;
use crate::open_api::{Api, CallError, query_license};
use crate::random::Random;
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;
use crate::transport::TransportError;

/// The longest time by which the clock may be turned back without consequence: corrections by time servers.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
/// A "no" is asked again after this time.
const DENIED_FOR: Duration = Duration::from_secs(60);
/// The longest part of the time seen that may be lost in a crash.
const SEEN_KEPT_EVERY: Duration = Duration::from_secs(3600);
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const CLIENTS_PER_REPORT: usize = 100;

/// The seller's decisions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) policy: OfflinePolicy,
    pub(super) day_zone: UtcOffset,
    pub(super) longest_pause: Duration,
}

impl Rules {
    /// Returns the number of the day in which an instant lies.
    pub(super) fn day_of(&self, time: Timestamp) -> i64 {
        let shift = i64::from(self.day_zone.whole_seconds()) * 1000;
        time.as_unix_millis().saturating_add(shift).div_euclid(86_400_000)
    }
}

/// Something to do in the background.
pub(super) enum Due {
    Load,
    Query,
    Save,
    Report(Clients),
}

impl Due {
    /// Returns whether a check has to wait for it.
    pub(super) fn decides(&self) -> bool {
        matches!(self, Self::Load | Self::Query)
    }
}

/// Clients of a day, by their hashes in the state.
#[derive(Clone, Default)]
pub(super) struct Clients {
    pub(super) day: i64,
    pub(super) ids: BTreeMap<String, Sensitive>,
}

#[derive(Default)]
pub(super) struct State {
    record: Option<Record>,
    unreadable: Option<StateError>,
    /// True if the record differs from the one in the store.
    is_changed: bool,
    kept_seen_at: Option<Timestamp>,
    unreported: Clients,
    failure: Option<Arc<CallError>>,
    pub(super) queries: Pause,
    pub(super) reports: Pause,
    pub(super) saves: Pause,
    pub(super) is_flying: bool,
    /// Checks that wait for a decision, and callers that wait for the end; they wake up when these are dropped.
    pub(super) undecided: Vec<oneshot::Sender<()>>,
    pub(super) unsettled: Vec<oneshot::Sender<()>>,
}

impl State {
    pub(super) fn see(&mut self, now: Timestamp) {
        if let Some(record) = &mut self.record {
            record.seen_at = record.seen_at.max(now);
        }
    }

    /// Queues the report of a client, unless it was reported today.
    pub(super) fn want_reported(&mut self, day: i64, client: String, id: &str) {
        if self.record.as_ref().is_some_and(|record| record.is_reported(day, &client)) {
            return;
        }
        if self.unreported.day != day {
            self.unreported = Clients { day, ids: BTreeMap::new() };
        }
        self.unreported.ids.entry(client).or_insert_with(|| id.into());
    }

    pub(super) fn due(&self, now: Timestamp, rules: &Rules) -> Option<Due> {
        let Some(record) = &self.record else { return Some(Due::Load) };
        let is_confirmed = is_confirmed(record, now, rules);
        if !self.queries.covers(now) && (!is_confirmed || must_ask_again(record, now)) {
            return Some(Due::Query);
        }
        let kept = self.kept_seen_at.is_some_and(|kept| record.seen_at < kept.saturating_add(SEEN_KEPT_EVERY));
        if !self.saves.covers(now) && (self.is_changed || !kept) {
            return Some(Due::Save);
        }
        let is_used = is_confirmed && record.answer.as_ref().is_some_and(|answer| answer.allows_at(now).is_ok());
        let clients = &self.unreported;
        if !self.reports.covers(now) && is_used && clients.day == rules.day_of(now) && !clients.ids.is_empty() {
            let ids = clients.ids.iter().take(CLIENTS_PER_REPORT);
            let ids = ids.map(|(client, id)| (client.clone(), id.clone())).collect();
            return Some(Due::Report(Clients { day: clients.day, ids }));
        }
        None
    }

    pub(super) fn loaded(&mut self, record: Record, is_kept: bool, now: Timestamp) {
        self.kept_seen_at = is_kept.then_some(record.seen_at);
        self.unreadable = None;
        let day = self.unreported.day;
        self.unreported.ids.retain(|client, _| !record.is_reported(day, client));
        self.record = Some(record);
        self.see(now);
    }

    pub(super) fn is_unreadable(&mut self, error: StateError) {
        self.unreadable = Some(error);
    }

    pub(super) fn answered(&mut self, answer: Answer) {
        if let Some(record) = &mut self.record {
            record.answered(answer);
            self.is_changed = true;
        }
        self.queries.end();
        self.failure = None;
    }

    pub(super) fn has_failed(&mut self, error: Arc<CallError>) {
        self.failure = Some(error);
    }

    pub(super) fn reported(&mut self, clients: Clients) {
        if self.unreported.day == clients.day {
            clients.ids.keys().for_each(|client| drop(self.unreported.ids.remove(client)));
        }
        if let Some(record) = &mut self.record {
            record.reported(clients.day, clients.ids.into_keys());
            self.is_changed = true;
        }
        self.reports.end();
    }

    /// Returns the record to save, merged with what another process has saved. Later changes are saved the next time.
    pub(super) fn begin_save(&mut self, kept: Option<Record>) -> Option<Record> {
        let record = self.record.as_mut()?;
        if let Some(kept) = kept {
            record.merge(kept);
        }
        self.is_changed = false;
        Some(record.clone())
    }

    /// Ends a save, with the time seen that it stored if it succeeded.
    pub(super) fn end_save(&mut self, seen_at: Option<Timestamp>) {
        match seen_at {
            Some(_) => {
                self.kept_seen_at = seen_at;
                self.saves.end();
            }
            None => self.is_changed = true,
        }
    }

    pub(super) fn verdict(&self, now: Timestamp, rules: &Rules, is_late: bool) -> Result<Permit, HeartbeatError> {
        let Some(record) = &self.record else {
            return Err(self.unreadable.clone().map_or(HeartbeatError::Interrupted, HeartbeatError::State));
        };
        if let Some(answer) = &record.answer {
            answer.allows_at(now)?;
            if is_confirmed(record, now, rules) {
                return Ok(answer.permit());
            }
        }
        let is_late = is_late && self.is_flying;
        let failure = self.failure.clone().filter(|_| !is_late).or_else(|| is_late.then(no_answer_in_time));
        let Some(source) = failure else { return Err(HeartbeatError::Interrupted) };
        if is_turned_back(record, now) {
            return Err(HeartbeatError::ClockTurnedBack { now, seen_at: record.seen_at });
        }
        match (&record.answer, rules.policy) {
            (Some(answer), OfflinePolicy::FailOpen { for_at_most }) => {
                let mut permit = answer.permit();
                let end = answer.answered_at.saturating_add(for_at_most);
                permit.usable_until = Some(permit.usable_until.map_or(end, |expiry| expiry.min(end)));
                permit.unconfirmed = Some(Arc::clone(&source));
                let last_answer = Some(answer.answered_at);
                if now < end { Ok(permit) } else { Err(HeartbeatError::Unreachable { last_answer, source }) }
            }
            (answer, _) => {
                let last_answer = answer.as_ref().map(|answer| answer.answered_at);
                Err(HeartbeatError::Unreachable { last_answer, source })
            }
        }
    }
}

fn is_turned_back(record: &Record, now: Timestamp) -> bool {
    now.saturating_add(CLOCK_TOLERANCE) < record.seen_at
}

/// Returns whether the marketplace has answered today.
fn is_confirmed(record: &Record, now: Timestamp, rules: &Rules) -> bool {
    let is_of_today = |time| rules.day_of(time) == rules.day_of(now);
    !is_turned_back(record, now) && record.answer.as_ref().is_some_and(|answer| is_of_today(answer.answered_at))
}

/// Returns whether a "no", or a "yes" that has expired, is old enough to be asked again.
fn must_ask_again(record: &Record, now: Timestamp) -> bool {
    let is_old = |answered_at: Timestamp| now.abs_diff(answered_at) >= DENIED_FOR;
    record.answer.as_ref().is_some_and(|answer| answer.allows_at(now).is_err() && is_old(answer.answered_at))
}

fn no_answer_in_time() -> Arc<CallError> {
    let api = <query_license::Request as Api>::NAME;
    Arc::new(CallError::Transport { api, source: TransportError::Timeout })
}

/// The time after a failure in which nothing is tried.
#[derive(Default)]
pub(super) struct Pause {
    failures: u32,
    span: Option<Range<Timestamp>>,
}

impl Pause {
    /// A clock that was turned back does not prolong the pause.
    fn covers(&self, now: Timestamp) -> bool {
        self.span.as_ref().is_some_and(|span| span.contains(&now))
    }

    /// Begins a pause and returns its end.
    pub(super) fn begin(&mut self, now: Timestamp, rules: &Rules, random: &dyn Random) -> Timestamp {
        let pause = backoff::pause(FIRST_PAUSE, rules.longest_pause, self.failures, random);
        let end = now.saturating_add(pause.max(Duration::from_millis(1)));
        self.failures = self.failures.saturating_add(1);
        self.span = Some(now..end);
        end
    }

    fn end(&mut self) {
        *self = Self::default();
    }
}
