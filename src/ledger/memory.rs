//! The ledger in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::step::PURCHASE;
use super::{
    Instance, LeaseOutcome, Ledger, LedgerError, OrderKey, PrunableLedger, Pruned, State, Step, StepStatus, Target,
};
use crate::lease::Lease;
use crate::timestamp::Timestamp;

/// A ledger that lives as long as the process, for tests.
///
/// A seller's server must not use it: after a restart every instance would be unknown.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    records: Mutex<Records>,
}

#[derive(Debug, Default)]
struct Records {
    by_order: HashMap<OrderKey, String>,
    by_id: BTreeMap<String, Record>,
}

#[derive(Debug)]
struct Record {
    instance: Arc<Instance>,
    /// The holder of a lease, and its end.
    lease: Option<(u128, Timestamp)>,
    /// A few for each instance, and when they were noted.
    noted: BTreeMap<String, Timestamp>,
    released_at: Option<Timestamp>,
}

impl MemoryLedger {
    /// Creates an empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an instance as it was before its purchase was noted with it.
    #[cfg(test)]
    pub(super) fn forget_notes(&self, instance_id: &str) {
        if let Some(record) = self.records().by_id.get_mut(instance_id) {
            record.noted.clear();
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        // Every change is a single assignment, so a panic elsewhere leaves nothing half done.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn of(&self, step: &Step) -> Option<&Record> {
        match &step.target {
            Target::Purchase { order, .. } => self.by_order.get(order).and_then(|id| self.by_id.get(id)),
            Target::Instance(id) => self.by_id.get(id),
        }
    }

    fn status(&self, step: &Step, now: Timestamp) -> StepStatus {
        let record = self.of(step);
        let key = step.key().filter(|_| step.is_done_by_key());
        let noted = record.zip(key).is_some_and(|(record, key)| record.noted.contains_key(key));
        let lease = record.and_then(|record| record.lease);
        let lease_left = lease.map_or(Duration::ZERO, |(_, end)| end.saturating_duration_since(now));
        step.status(record.map(|record| record.instance.clone()), noted, lease_left)
    }

    fn begin(&mut self, step: &Step, lease: Lease, now: Timestamp) -> LeaseOutcome {
        match (self.of(step), step.initial_instance()) {
            (None, Some(first)) if self.by_id.contains_key(&first.instance_id) => {
                return LeaseOutcome::IdTaken;
            }
            (None, Some(first)) => {
                self.by_order.insert(first.order.clone(), first.instance_id.clone());
                let noted = step.key().map(|key| (key.to_owned(), now)).into_iter().collect();
                let id = first.instance_id.clone();
                self.by_id.insert(id, Record { instance: Arc::new(first), lease: None, noted, released_at: None });
            }
            _ => {}
        }
        let begin = step.lease_outcome(self.status(step, now));
        if let LeaseOutcome::Run(instance) = &begin
            && let Some(record) = self.by_id.get_mut(&instance.instance_id)
        {
            record.lease = Some((lease.holder, lease.end(now)));
            let record = Arc::make_mut(&mut record.instance);
            record.handler_runs += 1;
            record.status_unsettled = step.unsettles(instance);
        }
        begin
    }

    fn prune(&mut self, before: Timestamp, limit: usize, now: Timestamp) -> Pruned {
        let is_old = |record: &Record| {
            record.released_at.is_some_and(|at| at < before) && record.lease.is_none_or(|(_, end)| end <= now)
        };
        let old = self.by_id.iter().filter(|(_, record)| is_old(record)).take(limit);
        let old: Vec<String> = old.map(|(id, _)| id.clone()).collect();
        let mut steps = 0;
        for record in old.iter().filter_map(|id| self.by_id.remove(id)) {
            self.by_order.remove(&record.instance.order);
            steps += record.noted.len();
        }
        let mut old_steps = 0;
        for record in self.by_id.values_mut() {
            record.noted.retain(|key, at| {
                let is_kept = *at >= before || key == PURCHASE || old_steps >= limit;
                old_steps += usize::from(!is_kept);
                is_kept
            });
        }
        Pruned::new(old.len(), steps + old_steps, old.len().max(old_steps) >= limit)
    }

    fn held(&mut self, instance_id: &str, lease: Lease) -> Result<&mut Record, LedgerError> {
        let record = self.by_id.get_mut(instance_id);
        record
            .filter(|record| record.lease.is_some_and(|(holder, _)| holder == lease.holder))
            .ok_or_else(|| LedgerError::LeaseLost(instance_id.to_owned()))
    }
}

impl Ledger for MemoryLedger {
    fn status<'a>(&'a self, step: &'a Step, now: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        ready(Ok(self.records().status(step, now))).boxed()
    }

    fn begin<'a>(
        &'a self,
        step: &'a Step,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<LeaseOutcome, LedgerError>> {
        ready(Ok(self.records().begin(step, lease, now))).boxed()
    }

    fn extend<'a>(
        &'a self,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), LedgerError>> {
        let extended = self.records().held(instance_id, lease).map(|record| {
            record.lease = Some((lease.holder, lease.end(now)));
        });
        ready(extended).boxed()
    }

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        let completed = self.records().held(instance_id, lease).map(|record| {
            step.apply(Arc::make_mut(&mut record.instance));
            if let Some(key) = step.key() {
                record.noted.entry(key.to_owned()).or_insert(now);
            }
            if record.instance.state == State::Released {
                record.released_at.get_or_insert(now);
            }
            record.lease = None;
            record.instance.clone()
        });
        ready(completed).boxed()
    }

    fn abandon<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        ready(self.records().held(instance_id, lease).map(|record| record.lease = None)).boxed()
    }

    fn instance<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        let found = self.records().by_id.get(instance_id).map(|record| record.instance.clone());
        ready(Ok(found)).boxed()
    }

    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let records = self.records();
        let page = records.by_id.range::<str, _>((from, Bound::Unbounded)).take(limit);
        ready(Ok(page.map(|(_, record)| record.instance.clone()).collect())).boxed()
    }
}

impl PrunableLedger for MemoryLedger {
    fn prune(&self, before: Timestamp, limit: usize, now: Timestamp) -> BoxFuture<'_, Result<Pruned, LedgerError>> {
        ready(Ok(self.records().prune(before, limit, now))).boxed()
    }
}
