//! The ledger in PostgreSQL.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_postgres::Row;

use super::{Begin, Instance, Lease, Ledger, LedgerError, Look, OrderKey, State, Step, Target};
use crate::postgres::{Database, DatabaseError, Parameter, Transaction, int, text};
use crate::timestamp::Timestamp;

/// A ledger for any number of replicas, in tables of its own (`koogallery_instance`, `koogallery_step`).
///
/// What it answers is as durable as the server's `synchronous_commit` makes it; leave that on.
#[derive(Clone, Debug)]
pub struct PostgresLedger {
    database: Database,
}

const COLUMNS: &str = "instance_id, order_id, order_line_id, order_product_id, product_id, state, expire_time, \
                       handler_runs, lease_holder, lease_until";

impl PostgresLedger {
    /// What [`PostgresLedger::new`] runs if the tables are not there; for those who keep the schema elsewhere.
    ///
    /// Keys are compared byte by byte (`"C"`), so that pages have the order of every other ledger, and indices outlive
    /// the operating system's ideas of sorting. Empty texts stand for what an order key lacks, since every NULL of a
    /// unique index is another one.
    pub const SCHEMA: &str = r#"
CREATE TABLE IF NOT EXISTS koogallery_instance (
    instance_id      TEXT COLLATE "C" PRIMARY KEY,
    order_id         TEXT COLLATE "C" NOT NULL,
    order_line_id    TEXT COLLATE "C" NOT NULL,
    order_product_id TEXT COLLATE "C" NOT NULL,
    product_id       TEXT,
    state            TEXT NOT NULL CHECK (state IN ('creating', 'active', 'frozen', 'released')),
    expire_time      BIGINT,
    handler_runs     BIGINT NOT NULL,
    lease_holder     TEXT,
    lease_until      BIGINT,
    created_at       BIGINT NOT NULL,
    UNIQUE (order_id, order_line_id, order_product_id)
);
CREATE TABLE IF NOT EXISTS koogallery_step (
    instance_id TEXT COLLATE "C" NOT NULL REFERENCES koogallery_instance,
    step_key    TEXT COLLATE "C" NOT NULL,
    done_at     BIGINT NOT NULL,
    PRIMARY KEY (instance_id, step_key)
);
"#;

    /// Takes the database, making the tables if they are not there.
    ///
    /// # Errors
    ///
    /// The tables cannot be made.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.make_tables("koogallery_step", Self::SCHEMA).await?;
        Ok(Self { database: database.clone() })
    }

    async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, LedgerError> {
        self.database.transaction(work).await.map_err(|error| LedgerError::Store(error.into()))
    }

    /// As `run`, for changes that only the holder of the lease may make.
    async fn run_held<T>(
        &self,
        instance_id: &str,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<Option<T>, DatabaseError>,
    ) -> Result<T, LedgerError> {
        self.run(work).await?.ok_or_else(|| LedgerError::LeaseLost(instance_id.to_owned()))
    }
}

impl Ledger for PostgresLedger {
    fn look<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Result<Look, LedgerError>> {
        self.run(async move |transaction| Ok(look(step, find(transaction, step, "").await?).0)).boxed()
    }

    fn begin<'a>(&'a self, step: &'a Step, lease: Lease, now: Timestamp) -> BoxFuture<'a, Result<Begin, LedgerError>> {
        self.run(async move |transaction| begin(transaction, step, lease, now).await).boxed()
    }

    fn extend<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        self.run_held(instance_id, async move |transaction| {
            let changed = transaction
                .execute_typed(
                    "UPDATE koogallery_instance SET lease_until = $1 WHERE instance_id = $2 AND lease_holder = $3",
                    &[int(&lease.until.as_unix_millis()), text(&instance_id), text(&lease.holder_text())],
                )
                .await?;
            Ok((changed == 1).then_some(()))
        })
        .boxed()
    }

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        self.run_held(instance_id, async move |transaction| {
            let record = by_id(transaction, instance_id, "FOR UPDATE").await?;
            let Some(mut record) = record.filter(|record| record.is_held_by(lease)) else {
                return Ok(None);
            };
            step.apply(&mut record.instance);
            transaction
                .execute_typed(
                    "WITH noted AS (INSERT INTO koogallery_step SELECT $1, $5, $6 WHERE $5 IS NOT NULL \
                     ON CONFLICT DO NOTHING) \
                     UPDATE koogallery_instance SET product_id = $2, state = $3, expire_time = $4, \
                     lease_holder = NULL, lease_until = NULL WHERE instance_id = $1",
                    &[
                        text(&instance_id),
                        text(&record.instance.product_id),
                        text(&record.instance.state.as_str()),
                        int(&record.instance.expire_time.map(Timestamp::as_unix_millis)),
                        text(&step.key()),
                        int(&now.as_unix_millis()),
                    ],
                )
                .await?;
            Ok(Some(Arc::new(record.instance)))
        })
        .boxed()
    }

    fn abandon<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        self.run_held(instance_id, async move |transaction| {
            let changed = transaction
                .execute_typed(
                    "UPDATE koogallery_instance SET lease_holder = NULL, lease_until = NULL \
                     WHERE instance_id = $1 AND lease_holder = $2",
                    &[text(&instance_id), text(&lease.holder_text())],
                )
                .await?;
            Ok((changed == 1).then_some(()))
        })
        .boxed()
    }

    fn instance<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        self.run(async move |transaction| {
            Ok(by_id(transaction, instance_id, "").await?.map(|record| Arc::new(record.instance)))
        })
        .boxed()
    }

    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>> {
        self.run(async move |transaction| {
            let statement = format!(
                "SELECT {COLUMNS} FROM koogallery_instance WHERE instance_id > $1 ORDER BY instance_id LIMIT $2"
            );
            let after = after.unwrap_or_default();
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = transaction.query_typed(&statement, &[text(&after), int(&limit)]).await?;
            rows.iter().map(|row| Record::read(row).map(|record| Arc::new(record.instance))).collect()
        })
        .boxed()
    }
}

struct Record {
    instance: Instance,
    lease: Option<(String, Timestamp)>,
}

impl Record {
    fn read(row: &Row) -> Result<Self, DatabaseError> {
        let unreadable = |column| DatabaseError::Unreadable { table: "koogallery_instance", column };
        let told = |column| row.try_get(column).map(|text: String| Some(text).filter(|text| !text.is_empty()));
        let time = |column| row.try_get(column).map(|millis: Option<i64>| millis.map(Timestamp::from_unix_millis));
        let holder: Option<String> = row.try_get("lease_holder")?;
        Ok(Self {
            instance: Instance {
                instance_id: row.try_get("instance_id")?,
                order: OrderKey {
                    order_id: row.try_get("order_id")?,
                    order_line_id: told("order_line_id")?,
                    product_id: told("order_product_id")?,
                },
                product_id: row.try_get("product_id")?,
                state: State::from_word(row.try_get("state")?).ok_or_else(|| unreadable("state"))?,
                expire_time: time("expire_time")?,
                handler_runs: u32::try_from(row.try_get::<_, i64>("handler_runs")?)
                    .map_err(|_| unreadable("handler_runs"))?,
            },
            lease: holder.zip(time("lease_until")?),
        })
    }

    fn is_held_by(&self, lease: Lease) -> bool {
        self.lease.as_ref().is_some_and(|(held, _)| *held == lease.holder_text())
    }
}

/// The record of a step, and whether its key was noted; both from one moment.
async fn find(transaction: &Transaction<'_>, step: &Step, lock: &str) -> Result<Option<(Record, bool)>, DatabaseError> {
    let key = step.key();
    let mut parameters: Vec<Parameter<'_>> = vec![text(&key)];
    let condition = match &step.target {
        Target::Purchase { order, .. } => {
            parameters.extend(order_parameters(order));
            "order_id = $2 AND order_line_id = COALESCE($3, '') AND order_product_id = COALESCE($4, '')"
        }
        Target::Instance(id) => {
            parameters.push(text(id));
            "instance.instance_id = $2"
        }
    };
    let statement = format!(
        "SELECT {}, EXISTS (SELECT FROM koogallery_step AS step WHERE step.instance_id = instance.instance_id \
         AND step_key = $1) AS noted FROM koogallery_instance AS instance WHERE {condition} {lock}",
        COLUMNS
    );
    let row = transaction.query_typed_opt(&statement, &parameters).await?;
    row.map(|row| Ok((Record::read(&row)?, row.try_get("noted")?))).transpose()
}

async fn by_id(transaction: &Transaction<'_>, instance_id: &str, lock: &str) -> Result<Option<Record>, DatabaseError> {
    let statement = format!("SELECT {COLUMNS} FROM koogallery_instance WHERE instance_id = $1 {lock}");
    let row = transaction.query_typed_opt(&statement, &[text(&instance_id)]).await?;
    row.as_ref().map(Record::read).transpose()
}

fn order_parameters(order: &OrderKey) -> [Parameter<'_>; 3] {
    [text(&order.order_id), text(&order.order_line_id), text(&order.product_id)]
}

/// What is known about the step, and until when somebody holds the lease.
fn look(step: &Step, found: Option<(Record, bool)>) -> (Look, Option<Timestamp>) {
    let (record, noted) = found.unzip();
    let (instance, lease) = record.map(|record| (Arc::new(record.instance), record.lease)).unzip();
    (step.look(instance, noted.unwrap_or_default()), lease.flatten().map(|(_, until)| until))
}

async fn begin(
    transaction: &Transaction<'_>,
    step: &Step,
    lease: Lease,
    now: Timestamp,
) -> Result<Begin, DatabaseError> {
    let first = step.first_sight();
    if let Some(first) = &first {
        insert_if_new(transaction, step, first, now).await?;
    }
    // Waits for whoever works on the row. Only a statement that starts after the wait sees all that he did: with the row
    // comes its newest version, but with it the notes as they were before.
    find(transaction, step, "FOR UPDATE OF instance").await?;
    let found = find(transaction, step, "").await?;
    if first.is_some() && found.is_none() {
        return Ok(Begin::IdTaken);
    }
    let (look, leased_until) = look(step, found);
    let begin = step.begin(look, leased_until.is_some_and(|until| until > now));
    if let Begin::Run(instance) = &begin {
        transaction
            .execute_typed(
                "UPDATE koogallery_instance SET lease_holder = $2, lease_until = $3, handler_runs = handler_runs + 1 \
                 WHERE instance_id = $1",
                &[text(&instance.instance_id), text(&lease.holder_text()), int(&lease.until.as_unix_millis())],
            )
            .await?;
    }
    Ok(begin)
}

/// Does nothing if the order is known or the id taken, and waits for others that are about to insert either.
async fn insert_if_new(
    transaction: &Transaction<'_>,
    step: &Step,
    first: &Instance,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let (state, created_at, key) = (first.state.as_str(), now.as_unix_millis(), step.key());
    let mut parameters: Vec<Parameter<'_>> = order_parameters(&first.order).into();
    parameters.push(text(&first.instance_id));
    parameters.push(text(&first.product_id));
    parameters.push(text(&state));
    parameters.push(int(&created_at));
    parameters.push(text(&key));
    transaction
        .execute_typed(
            "WITH first AS (INSERT INTO koogallery_instance (order_id, order_line_id, order_product_id, instance_id, \
             product_id, state, handler_runs, created_at) \
             VALUES ($1, COALESCE($2, ''), COALESCE($3, ''), $4, $5, $6, 0, $7) \
             ON CONFLICT DO NOTHING RETURNING instance_id) \
             INSERT INTO koogallery_step SELECT instance_id, $8, $7 FROM first WHERE $8 IS NOT NULL",
            &parameters,
        )
        .await?;
    Ok(())
}
