//! The ledger.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use koogallery::lease::Lease;
use koogallery::ledger::{
    Effect, Instance, LeaseOutcome, Ledger, LedgerError, OrderKey, State, Step, StepStatus, Target,
};
use koogallery::timestamp::Timestamp;

use super::{Stores, now};
use crate::Bug;
use crate::monitor::millis;
use crate::simulation::Simulation;

/// Leases end by the clock of the database, whatever the replica says.
fn store_time(simulation: &Simulation, of_replica: Timestamp) -> Timestamp {
    if simulation.has(Bug::ReplicaClock) { of_replica } else { simulation.scheduler.now() }
}

fn subject(step: &Step) -> String {
    let id = match &step.target {
        Target::Purchase { order, .. } => &order.order_id,
        Target::Instance(id) => id,
    };
    format!("{} {id}", step.effect)
}

fn outcome_word(outcome: &LeaseOutcome) -> &'static str {
    match outcome {
        LeaseOutcome::Run(_) => "run",
        LeaseOutcome::Busy { .. } => "busy",
        LeaseOutcome::Done(_) => "done",
        LeaseOutcome::Unknown => "unknown",
        LeaseOutcome::NotCreated(_) => "not created",
        LeaseOutcome::IdTaken => "id taken",
        _ => "other",
    }
}

/// The bug [`Bug::SecondInstance`]: an order whose creation was cut off becomes another one.
fn forget_order(simulation: &Simulation, step: &mut Step, at: Timestamp) {
    let is_cut_off = match now(simulation.ledger.status(step, at), LedgerError::store) {
        Ok(StepStatus::Open { instance, lease_left: Duration::ZERO }) => {
            instance.state == State::Creating && instance.handler_runs > 0
        }
        _ => false,
    };
    if let (true, Target::Purchase { order, proposed_id }) = (is_cut_off, &mut step.target) {
        *order = OrderKey::new(format!("{}-again", order.order_id));
        proposed_id.push('2');
    }
}

impl Ledger for Stores {
    fn status<'a>(&'a self, step: &'a Step, asked: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        let step = self.as_stored(step);
        self.operate("ledger status", None, LedgerError::store, move |simulation| {
            now(simulation.ledger.status(&step, store_time(simulation, asked)), LedgerError::store)
        })
    }

    fn begin<'a>(
        &'a self,
        step: &'a Step,
        lease: Lease,
        asked: Timestamp,
    ) -> BoxFuture<'a, Result<LeaseOutcome, LedgerError>> {
        let (mut step, stores) = (self.as_stored(step), self.clone());
        self.operate("ledger begin", Some(lease.holder), LedgerError::store, move |simulation| {
            let at = store_time(simulation, asked);
            if simulation.has(Bug::SecondInstance) {
                forget_order(simulation, &mut step, at);
            }
            let mut granted = lease;
            if simulation.has(Bug::EndlessLease) {
                granted.duration = Duration::from_secs(1_000_000);
            }
            let outcome = now(simulation.ledger.begin(&step, granted, at), LedgerError::store)?;
            let mut monitor = simulation.monitor();
            monitor.note(stores.owner, format_args!("ledger begin {}: {}", subject(&step), outcome_word(&outcome)));
            if let LeaseOutcome::Run(instance) = &outcome {
                let (id, token) = (&instance.instance_id, instance.handler_runs + 1);
                let true_now = simulation.scheduler.now();
                let (from, until) = (millis(true_now), millis(lease.end(true_now)));
                monitor.granted(id, token, lease.holder, stores.owner, from, until);
                if stores.is_cut_off() {
                    monitor.disturb(lease.holder);
                }
            }
            Ok(outcome)
        })
    }

    fn extend<'a>(&'a self, id: &'a str, lease: Lease, asked: Timestamp) -> BoxFuture<'a, Result<(), LedgerError>> {
        let (id, stores) = (id.to_owned(), self.clone());
        let extension = async move {
            let held = id.clone();
            let extended = stores
                .operate("ledger extend", Some(lease.holder), LedgerError::store, move |simulation| {
                    let is_held = simulation.monitor().holder_of(&id) == Some(lease.holder);
                    if !(is_held && simulation.has(Bug::ExtensionNotStored)) {
                        let at = store_time(simulation, asked);
                        now(simulation.ledger.extend(&id, lease, at), LedgerError::store)?;
                    }
                    let until = millis(lease.end(simulation.scheduler.now()));
                    simulation.monitor().extended(&id, lease.holder, until);
                    Ok(())
                })
                .await;
            if let (Err(LedgerError::Store(_)), true) = (&extended, stores.simulation.has(Bug::LeaseForgotten)) {
                drop(now(stores.simulation.ledger.abandon(&held, lease), LedgerError::store));
            }
            extended
        };
        extension.boxed()
    }

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        id: &'a str,
        lease: Lease,
        asked: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        let (mut step, id, stores) = (self.as_stored(step), id.to_owned(), self.clone());
        self.operate("ledger complete", Some(lease.holder), LedgerError::store, move |simulation| {
            if simulation.has(Bug::OutcomeNotStored)
                && let Some(mut instance) = now(simulation.ledger.instance(&id), LedgerError::store)?
            {
                step.apply(Arc::make_mut(&mut instance));
                return Ok(instance);
            }
            if let (true, Effect::Renew { key, .. }) = (simulation.has(Bug::KeyNotStored), &mut step.effect) {
                key.push_str("-lost");
            }
            let at = store_time(simulation, asked);
            let mut outcome = now(simulation.ledger.complete(&step, &id, lease, at), LedgerError::store);
            let is_lost = matches!(outcome, Err(LedgerError::LeaseLost(_)));
            if is_lost && simulation.has(Bug::OutcomeOfAnyone) {
                // As if the holder were not compared: it is the outcome of the holder of now.
                let current = simulation.monitor().holder_of(&id);
                let held = current.map(|holder| Lease::new(holder, lease.duration));
                if let Some(held) = held {
                    outcome = now(simulation.ledger.complete(&step, &id, held, at), LedgerError::store);
                }
            }
            let mut monitor = simulation.monitor();
            monitor.note(stores.owner, format_args!("ledger complete {} of {id}: ok {}", step.effect, outcome.is_ok()));
            if outcome.is_ok() {
                monitor.ended(&id, lease.holder, "the outcome of");
            }
            outcome
        })
    }

    fn abandon<'a>(&'a self, id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        let id = id.to_owned();
        self.operate("ledger abandon", Some(lease.holder), LedgerError::store, move |simulation| {
            now(simulation.ledger.abandon(&id, lease), LedgerError::store)?;
            simulation.monitor().ended(&id, lease.holder, "the end of");
            Ok(())
        })
    }

    fn instance<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        let id = id.to_owned();
        self.operate("ledger instance", None, LedgerError::store, move |simulation| {
            now(simulation.ledger.instance(&id), LedgerError::store)
        })
    }

    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>> {
        let after = after.map(str::to_owned);
        self.operate("ledger instances", None, LedgerError::store, move |simulation| {
            now(simulation.ledger.instances(after.as_deref(), limit), LedgerError::store)
        })
    }
}

impl Stores {
    /// Returns the step as the ledger gets it.
    fn as_stored(&self, step: &Step) -> Step {
        let step = step.clone();
        if self.simulation.has(Bug::TimeNotStored) { step.with_signed_at(None) } else { step }
    }
}
