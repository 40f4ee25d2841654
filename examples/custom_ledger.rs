//! A ledger on a custom database, and its tests.
//!
//! The rules are in the methods of `Step`; the ledger only finds rows and stores them, each method in one transaction.
//! Here the database is a few maps behind a lock; on a real one, `transaction` begins a transaction that locks the row
//! of the instance (`SELECT ... FOR UPDATE`), but for what is only read. On a server that several machines share, the
//! ends of leases are set and compared by the clock of the server, and not by `now`. `cargo test --example custom_ledger` runs the suites of
//! `koogallery::testing` on it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use koogallery::lease::Lease;
use koogallery::ledger::{Effect, Instance, LeaseOutcome, Ledger, LedgerError, OrderKey, Step, StepStatus, Target};
use koogallery::timestamp::Timestamp;

/// The application's database.
#[derive(Clone, Default)]
struct Database {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Default)]
struct Tables {
    instances: BTreeMap<String, Row>,
    /// Unique, like the index of a table.
    ids_by_order: BTreeMap<OrderKey, String>,
}

struct Row {
    instance: Instance,
    /// The holder of the lease, and its end.
    lease: Option<(u128, Timestamp)>,
    step_keys: BTreeSet<String>,
}

/// A ledger in the application's database.
struct CustomLedger {
    database: Database,
}

impl CustomLedger {
    fn new(database: &Database) -> Self {
        Self { database: database.clone() }
    }

    /// Runs one transaction.
    fn transaction<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut Tables) -> Result<T, LedgerError> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, LedgerError>> {
        async move {
            let mut tables = self.database.tables.lock().map_err(|error| LedgerError::store(error.to_string()))?;
            work(&mut tables)
        }
        .boxed()
    }
}

impl Tables {
    fn row(&self, step: &Step) -> Option<&Row> {
        match &step.target {
            Target::Purchase { order, .. } => self.instances.get(self.ids_by_order.get(order)?),
            Target::Instance(id) => self.instances.get(id),
        }
    }

    fn status(&self, step: &Step, now: Timestamp) -> StepStatus {
        let row = self.row(step);
        let has_key = row.zip(step.key()).is_some_and(|(row, key)| row.step_keys.contains(key));
        let lease = row.and_then(|row| row.lease);
        let lease_left = lease.map(|(_, end)| end.saturating_duration_since(now)).unwrap_or_default();
        step.status(row.map(|row| Arc::new(row.instance.clone())), has_key, lease_left)
    }

    /// Returns the row if the lease's holder still has it.
    fn held(&mut self, instance_id: &str, lease: Lease) -> Result<&mut Row, LedgerError> {
        let row = self.instances.get_mut(instance_id);
        row.filter(|row| row.lease.is_some_and(|(holder, _)| holder == lease.holder))
            .ok_or_else(|| LedgerError::LeaseLost(instance_id.to_owned()))
    }
}

impl Ledger for CustomLedger {
    fn status<'a>(&'a self, step: &'a Step, now: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        self.transaction(move |tables| Ok(tables.status(step, now)))
    }

    fn begin<'a>(
        &'a self,
        step: &'a Step,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<LeaseOutcome, LedgerError>> {
        self.transaction(move |tables| {
            if let (None, Some(first)) = (tables.row(step), step.initial_instance()) {
                if tables.instances.contains_key(&first.instance_id) {
                    return Ok(LeaseOutcome::IdTaken);
                }
                tables.ids_by_order.insert(first.order.clone(), first.instance_id.clone());
                let step_keys = step.key().map(str::to_owned).into_iter().collect();
                let row = Row { instance: first, lease: None, step_keys };
                tables.instances.insert(row.instance.instance_id.clone(), row);
            }
            let outcome = step.lease_outcome(tables.status(step, now));
            if let LeaseOutcome::Run(instance) = &outcome
                && let Some(row) = tables.instances.get_mut(&instance.instance_id)
            {
                row.lease = Some((lease.holder, lease.end(now)));
                row.instance.handler_runs += 1;
                row.instance.status_unsettled = step.unsettles(instance);
            }
            Ok(outcome)
        })
    }

    fn extend<'a>(
        &'a self,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), LedgerError>> {
        self.transaction(move |tables| {
            tables.held(instance_id, lease)?.lease = Some((lease.holder, lease.end(now)));
            Ok(())
        })
    }

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        instance_id: &'a str,
        lease: Lease,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        self.transaction(move |tables| {
            let row = tables.held(instance_id, lease)?;
            step.apply(&mut row.instance);
            row.step_keys.extend(step.key().map(str::to_owned));
            row.lease = None;
            Ok(Arc::new(row.instance.clone()))
        })
    }

    fn abandon<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        self.transaction(move |tables| tables.held(instance_id, lease).map(|row| row.lease = None))
    }

    fn instance<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        self.transaction(move |tables| Ok(tables.instances.get(instance_id).map(|row| Arc::new(row.instance.clone()))))
    }

    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>> {
        self.transaction(move |tables| {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let rows = tables.instances.range::<str, _>((from, Bound::Unbounded)).take(limit);
            Ok(rows.map(|(_, row)| Arc::new(row.instance.clone())).collect())
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A service does this for every callback: `CallbackService::builder(..).subscription(shop, ledger)`.
    let ledger = CustomLedger::new(&Database::default());
    let target = Target::Purchase { order: OrderKey::new("CS1"), proposed_id: "instance-1".to_owned() };
    let step = Step::new(target, Effect::Create { product_id: None, expire_time: None });
    let now = Timestamp::from_unix_millis(1_735_787_045_678);
    let lease = Lease::new(1, std::time::Duration::from_secs(60));
    if let LeaseOutcome::Run(instance) = ledger.begin(&step, lease, now).await? {
        println!("creating {}", instance.instance_id);
        let instance = ledger.complete(&step, &instance.instance_id, lease, now).await?;
        println!("{} is {}", instance.instance_id, instance.state);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use koogallery::testing;

    use super::*;

    #[tokio::test]
    async fn the_ledger_keeps_the_rules() {
        testing::ledger(async || CustomLedger::new(&Database::default())).await;
        let database = Database::default();
        testing::shared_ledger(async || CustomLedger::new(&database)).await;
    }
}
