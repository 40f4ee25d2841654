//! Operations of many callers in one transaction each.

use std::sync::Arc;

use futures_util::future::try_join;
use tokio::time::Instant;
use tokio_postgres::Row;

use super::Named;
use super::statements::{columns, insert_new, noted, place, store};
use crate::batch::{Batch, Batches};
use crate::ledger::row::{Record, status};
use crate::ledger::tables::Tables;
use crate::ledger::together::{Changed, Firsts, Granted, Mark, New, order_columns};
use crate::ledger::{Instance, Step, StepStatus, Target};
use crate::postgres::{Database, DatabaseError, WAIT_BRIEFLY, Work, ints, texts};

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
    /// Runs a transaction that waits for locks only a moment.
    async fn run<T>(
        &self,
        ends: Instant,
        work: impl AsyncFnOnce(&Named<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let tables = &self.tables;
        let work = async move |own: &Work<'_>| {
            let named = Named { work: own, tables };
            let ((), value) = try_join(own.batch(WAIT_BRIEFLY), work(&named)).await?;
            Ok(value)
        };
        self.database.run_until(ends, work).await
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
        let (mut by_order, mut by_id) = (Wanted::default(), Wanted::default());
        for (place, step) in (0_i64..).zip(steps) {
            match &step.target {
                Target::Purchase { order, .. } => by_order.add(place, step, &order_columns(order)),
                Target::Instance(id) => by_id.add(place, step, &[id]),
            }
        }
        let (by_order, by_id) = (&by_order, &by_id);
        let find = async move |transaction: &Named<'_>| {
            let found = try_join(
                by_order.find(transaction, "order_id, order_line_id, order_product_id", 3),
                by_id.find(transaction, "instance_id", 1),
            );
            transaction.last(found).await
        };
        let (mut rows, more) = self.0.run(ends, find).await?;
        rows.extend(more);
        let mut found: Vec<Option<(Record, bool)>> = steps.iter().map(|_| None).collect();
        for row in &rows {
            if let Some(found) = found.get_mut(place(row)?) {
                *found = Some(Record::read_noted(row)?);
            }
        }
        Ok(steps.iter().zip(found).map(|(step, found)| Some(status(step, found))).collect())
    }
}

/// Steps to find by the same columns.
#[derive(Default)]
struct Wanted<'a> {
    places: Vec<i64>,
    keys: Vec<Option<&'a str>>,
    ids: [Vec<&'a str>; 3],
}

impl<'a> Wanted<'a> {
    fn add(&mut self, place: i64, step: &'a Step, ids: &[&'a str]) {
        self.places.push(place);
        self.keys.push(step.key());
        self.ids.iter_mut().zip(ids).for_each(|(column, id)| column.push(id));
    }

    async fn find(&self, transaction: &Named<'_>, by: &str, ids: usize) -> Result<Vec<Row>, DatabaseError> {
        if self.places.is_empty() {
            return Ok(vec![]);
        }
        let [first, second, third] = &self.ids;
        let parameters = [ints(&self.places), texts(&self.keys), texts(first), texts(second), texts(third)];
        let arrays = ["$1, $2, $3", "$1, $2, $3, $4, $5"][usize::from(ids > 1)];
        let statement = format!(
            "SELECT place, {}, {} FROM unnest({arrays}) AS wanted (place, wanted_key, {by}) \
             JOIN koogallery_instance AS instance USING ({by})",
            columns(),
            noted("wanted_key"),
        );
        transaction.query(&statement, &parameters[..2 + ids]).await
    }
}

/// Reads instances by their ids.
#[derive(Clone)]
pub(super) struct Instances(Shared);

impl Batch for Instances {
    type Item = String;
    type Answer = Option<Arc<Instance>>;
    type Error = DatabaseError;

    async fn run(&self, ids: &[&String], ends: Instant) -> Result<Vec<Option<Option<Arc<Instance>>>>, DatabaseError> {
        let find = async move |transaction: &Named<'_>| {
            let statement = format!("SELECT {} FROM koogallery_instance WHERE instance_id = ANY ($1)", columns());
            transaction.last(transaction.query(&statement, &[texts(&ids)])).await
        };
        let rows = self.0.run(ends, find).await?;
        let records = rows.iter().map(Record::read).collect::<Result<Vec<_>, _>>()?;
        let found: Vec<_> = records.into_iter().map(|record| Arc::new(record.instance)).collect();
        let of = |id: &&String| found.iter().find(|instance| instance.instance_id == **id).cloned();
        Ok(ids.iter().map(|id| Some(of(id))).collect())
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
        let insert = async move |transaction: &Named<'_>| transaction.last(insert_new(transaction, new)).await;
        let inserted = self.0.run(ends, insert).await?;
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
        let mark = async move |transaction: &Named<'_>| transaction.last(store(transaction, to_store)).await;
        let stored = self.0.run(ends, mark).await?;
        Ok(Changed::stored(changed, &stored))
    }
}
