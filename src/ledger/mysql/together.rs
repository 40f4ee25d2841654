//! Operations of many callers in one transaction each.

use std::sync::Arc;

use tokio::time::Instant;

use super::Named;
use super::statements::{columns, find_instances, find_orders, insert_new, place, store, wanted};
use crate::batch::{Batch, Batches};
use crate::ledger::row::{Record, status};
use crate::ledger::tables::Tables;
use crate::ledger::together::{Changed, Firsts, Granted, Mark, New};
use crate::ledger::{Instance, Step, StepStatus, Target};
use crate::mysql::mysql_async::Value;
use crate::mysql::rows::{Column, parameter, table};
use crate::mysql::{Database, DatabaseError, Session as _, Work, id};

/// What waits for the next transaction of each kind.
pub(super) struct Together {
    pub(super) statuses: Batches<Statuses>,
    pub(super) instances: Batches<Instances>,
    pub(super) beginnings: Batches<Beginnings>,
    pub(super) marks: Batches<Marks>,
    pub(super) granted: Granted,
}

impl Together {
    pub(super) fn new(database: &Database, tables: &Tables) -> Self {
        let shared = Shared { database: database.clone(), tables: tables.clone() };
        Self {
            statuses: Batches::new(Statuses(shared.clone())),
            instances: Batches::new(Instances(shared.clone())),
            beginnings: Batches::new(Beginnings(shared.clone())),
            marks: Batches::new(Marks(shared)),
            granted: Granted::default(),
        }
    }
}

/// What the operations work on.
#[derive(Clone)]
struct Shared {
    database: Database,
    tables: Tables,
}

impl Shared {
    async fn run<T, F>(&self, ends: Instant, work: impl Fn(Named) -> F) -> Result<T, DatabaseError>
    where
        F: Future<Output = Result<T, DatabaseError>>,
    {
        let named = |own: Work| work(Named { work: own, tables: self.tables.clone() });
        self.database.run_together(ends, named).await
    }
}

/// Reads the status of steps.
#[derive(Clone)]
pub(super) struct Statuses(Shared);

impl Batch for Statuses {
    type Item = Step;
    type Answer = StepStatus;
    type Error = DatabaseError;

    async fn run(&self, steps: &[&Step], ends: Instant) -> Result<Vec<Option<StepStatus>>, DatabaseError> {
        let (mut orders, mut instances) = (Wanted::default(), Wanted::default());
        for (place, step) in steps.iter().enumerate() {
            match &step.target {
                Target::Purchase { .. } => orders.add(place, step)?,
                Target::Instance(_) => instances.add(place, step)?,
            }
        }
        let (of_orders, of_instances) = (&orders.rows[..], &instances.rows[..]);
        let find = |work: Named| async move {
            let orders = if of_orders.is_empty() { vec![] } else { find_orders(&work, of_orders).await? };
            let instances = if of_instances.is_empty() { vec![] } else { find_instances(&work, of_instances).await? };
            Ok((orders, instances))
        };
        let (found_orders, found_instances) = self.0.run(ends, find).await?;
        let mut found: Vec<Option<(Record, bool)>> = steps.iter().map(|_| None).collect();
        for (wanted, rows) in [(&orders, &found_orders), (&instances, &found_instances)] {
            for row in rows {
                let place = wanted.places.get(place(row)?);
                if let Some(found) = place.and_then(|place| found.get_mut(*place)) {
                    *found = Some(Record::read_noted(row)?);
                }
            }
        }
        Ok(steps.iter().zip(found).map(|(step, found)| Some(status(step, found))).collect())
    }
}

/// Steps to find by the same columns, and their places among all.
#[derive(Default)]
struct Wanted {
    places: Vec<usize>,
    rows: Vec<Vec<Value>>,
}

impl Wanted {
    fn add(&mut self, place: usize, step: &Step) -> Result<(), DatabaseError> {
        self.rows.push(wanted(step)?);
        self.places.push(place);
        Ok(())
    }
}

/// Reads instances by their ids.
#[derive(Clone)]
pub(super) struct Instances(Shared);

impl Batch for Instances {
    type Item = String;
    type Answer = Option<Arc<Instance>>;
    type Error = DatabaseError;

    async fn run(&self, ids: &[&String], ends: Instant) -> Result<Vec<Option<Self::Answer>>, DatabaseError> {
        let rows =
            ids.iter().map(|text| Ok(vec![id("instance_id", text)?])).collect::<Result<Vec<_>, DatabaseError>>()?;
        let wanted = &[parameter(&rows)];
        let find = |work: Named| async move {
            let statement = format!(
                "SELECT place, {} FROM {} AS wanted STRAIGHT_JOIN koogallery_instance AS instance USING (instance_id)",
                columns(),
                table(&[Column::Id("instance_id")])
            );
            work.query(&statement, wanted).await
        };
        let mut found: Vec<Option<Self::Answer>> = vec![Some(None); ids.len()];
        for row in self.0.run(ends, find).await? {
            if let Some(found) = found.get_mut(place(&row)?) {
                *found = Some(Some(Arc::new(Record::read(&row)?.instance)));
            }
        }
        Ok(found)
    }
}

/// Inserts instances that are new, with a lease. Others are to be begun alone.
#[derive(Clone)]
pub(super) struct Beginnings(Shared);

impl Batch for Beginnings {
    type Item = New;
    type Answer = Arc<Instance>;
    type Error = DatabaseError;

    async fn run(&self, new: &[&New], ends: Instant) -> Result<Vec<Option<Arc<Instance>>>, DatabaseError> {
        let firsts = Firsts::of(new);
        let new = &firsts.new[..];
        let inserted = self.0.run(ends, |work| async move { insert_new(&work, new).await }).await?;
        Ok(firsts.begun(&inserted))
    }
}

/// Marks steps done. Those whose lease is lost, or whose instance another transaction has locked, are to be done alone.
#[derive(Clone)]
pub(super) struct Marks(Shared);

impl Batch for Marks {
    type Item = Mark;
    type Answer = Arc<Instance>;
    type Error = DatabaseError;

    async fn run(&self, marks: &[&Mark], ends: Instant) -> Result<Vec<Option<Arc<Instance>>>, DatabaseError> {
        let changed = Changed::by_all(marks);
        let to_store = &changed[..];
        let stored = self.0.run(ends, |work| async move { store(&work, to_store).await }).await?;
        Ok(Changed::stored(changed, &stored))
    }
}
