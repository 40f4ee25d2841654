//! Operations of many callers in one transaction, as far as engines share them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Instance, LeaseOutcome, OrderKey, Step};
use crate::lease::Lease;
use crate::timestamp::Timestamp;

/// Returns the columns of an order key: empty texts stand for what it lacks.
pub(super) fn order_columns(order: &OrderKey) -> [&str; 3] {
    let OrderKey { order_id, order_line_id, product_id } = order;
    [order_id, order_line_id.as_deref().unwrap_or_default(), product_id.as_deref().unwrap_or_default()]
}

/// An instance to insert, with the key of the step that creates it.
pub(super) struct New {
    pub(super) key: Option<String>,
    pub(super) instance: Instance,
    /// `None` to lend it later.
    pub(super) lease: Option<Lease>,
    pub(super) at: Timestamp,
}

/// New instances of which none has the order or the id of one before it: such are another one's copies.
pub(super) struct Firsts<'a> {
    /// Number of all.
    count: usize,
    places: Vec<usize>,
    pub(super) new: Vec<&'a New>,
}

impl<'a> Firsts<'a> {
    pub(super) fn of(all: &[&'a New]) -> Self {
        let (mut orders, mut ids) = (HashSet::new(), HashSet::new());
        let (mut places, mut firsts) = (Vec::new(), Vec::new());
        for (place, new) in all.iter().copied().enumerate() {
            if orders.insert(order_columns(&new.instance.order)) && ids.insert(&*new.instance.instance_id) {
                places.push(place);
                firsts.push(new);
            }
        }
        Self { count: all.len(), places, new: firsts }
    }

    /// Returns for each of all the instance if it was inserted, given the places of such among the firsts.
    pub(super) fn begun(&self, inserted: &HashSet<usize>) -> Vec<Option<Arc<Instance>>> {
        let mut instances: Vec<Option<Arc<Instance>>> = vec![None; self.count];
        for (place, (of_all, new)) in self.places.iter().zip(&self.new).enumerate() {
            if inserted.contains(&place)
                && let Some(instance) = instances.get_mut(*of_all)
            {
                *instance = Some(Arc::new(new.instance.clone()));
            }
        }
        instances
    }
}

/// An instance to which a step was applied.
pub(super) struct Changed<'a> {
    pub(super) instance: Instance,
    pub(super) key: Option<&'a str>,
    pub(super) holder: String,
    pub(super) at: Timestamp,
}

impl<'a> Changed<'a> {
    /// Applies a step to an instance that the holder of a lease has.
    pub(super) fn by(step: &'a Step, mut instance: Instance, lease: Lease, at: Timestamp) -> Self {
        step.apply(&mut instance);
        Self { instance, key: step.key(), holder: lease.holder_text(), at }
    }

    /// Applies the steps of marks.
    pub(super) fn by_all(marks: &[&'a Mark]) -> Vec<Self> {
        let changed = |mark: &&'a Mark| {
            let handler_runs = mark.before.handler_runs.saturating_add(1);
            let instance = Instance { handler_runs, ..Instance::clone(&mark.before) };
            Self::by(&mark.step, instance, mark.lease, mark.at)
        };
        marks.iter().map(changed).collect()
    }

    /// Returns the instances that were stored, given their places.
    pub(super) fn stored(all: Vec<Self>, places: &HashSet<usize>) -> Vec<Option<Arc<Instance>>> {
        let instance = |(place, changed): (usize, Self)| places.contains(&place).then(|| Arc::new(changed.instance));
        all.into_iter().enumerate().map(instance).collect()
    }
}

/// A step that is done, and its instance as it was before.
pub(super) struct Mark {
    pub(super) step: Step,
    pub(super) before: Arc<Instance>,
    pub(super) lease: Lease,
    pub(super) at: Timestamp,
}

/// Instances as they were when their leases were granted by this process. No other process changes one until its holder has
/// marked its step, which the statement that does so checks.
#[derive(Clone, Default)]
pub(super) struct Granted(Arc<Mutex<HashMap<u128, Arc<Instance>>>>);

/// Bounds what runs leave behind that come to no end. Others are read again.
const GRANTED: usize = 10_000;

impl Granted {
    pub(super) fn keep(&self, lease: Lease, outcome: &LeaseOutcome) {
        let mut granted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let LeaseOutcome::Run(instance) = outcome
            && granted.len() < GRANTED
        {
            granted.insert(lease.holder, Arc::clone(instance));
        }
    }

    pub(super) fn take(&self, lease: Lease, instance_id: &str) -> Option<Arc<Instance>> {
        let granted = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&lease.holder);
        granted.filter(|instance| instance.instance_id == instance_id)
    }
}
