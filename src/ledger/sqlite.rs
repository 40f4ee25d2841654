//! The ledger in SQLite.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rusqlite::{CachedStatement, OptionalExtension as _, Params, Row, Transaction, ffi, named_params, params};

use super::tables::Tables;
use super::{
    Completion, Family, Instance, LeaseOutcome, Ledger, LedgerError, OrderKey, PrunableLedger, Pruned, State, Step,
    StepStatus, Target,
};
use crate::lease::Lease;
use crate::sqlite::{Database, DatabaseError, add_column};
use crate::timestamp::Timestamp;

/// A ledger that survives restarts, in tables of its own (`koogallery_instance`, `koogallery_step`).
#[derive(Clone, Debug)]
pub struct SqliteLedger {
    database: Database,
    tables: Tables,
}

/// A statement that selects [`Record`]s, given its end.
macro_rules! select {
    ($end:literal) => {
        concat!(
            "SELECT instance_id, order_id, order_line_id, order_product_id, product_id, state, expire_time, handler_runs, \
             lease_holder, lease_until, status_signed_at, status_unsettled FROM koogallery_instance ",
            $end
        )
    };
}

impl SqliteLedger {
    /// The statements that [`SqliteLedger::new`] runs, for applications that manage their schema themselves. The tables
    /// of a [named](Self::named) ledger begin with `koogallery_{name}_` instead of `koogallery_`.
    ///
    /// Empty texts stand for the missing parts of an order key, since no two NULLs of a unique index are equal.
    pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS koogallery_instance (
    instance_id      TEXT PRIMARY KEY,
    order_id         TEXT NOT NULL,
    order_line_id    TEXT NOT NULL,
    order_product_id TEXT NOT NULL,
    product_id       TEXT,
    state            TEXT NOT NULL CHECK (state IN ('creating', 'active', 'frozen', 'released')),
    expire_time      INTEGER,
    handler_runs     INTEGER NOT NULL,
    lease_holder     TEXT,
    lease_until      INTEGER,
    created_at       INTEGER NOT NULL,
    status_signed_at INTEGER,
    released_at      INTEGER,
    status_unsettled INTEGER NOT NULL DEFAULT 0,
    UNIQUE (order_id, order_line_id, order_product_id)
);
CREATE TABLE IF NOT EXISTS koogallery_step (
    instance_id TEXT NOT NULL REFERENCES koogallery_instance,
    step_key    TEXT NOT NULL,
    done_at     INTEGER NOT NULL,
    PRIMARY KEY (instance_id, step_key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS koogallery_instance_released ON koogallery_instance (released_at) WHERE state = 'released';
CREATE INDEX IF NOT EXISTS koogallery_step_done ON koogallery_step (done_at) WHERE step_key <> 'purchase';
";

    /// Opens the ledger, creating its tables if there are none, and updating those of an earlier version.
    ///
    /// # Errors
    ///
    /// The tables cannot be created.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        let ledger = Self::with(database, Tables::default()).await?;
        database.transaction(take_over_notices).await?;
        Ok(ledger)
    }

    /// Opens another ledger in the same database, in tables `koogallery_{name}_instance` and `koogallery_{name}_step`.
    /// Its content is unknown to the default one, but for order notices of earlier versions in one with the name
    /// `notice`.
    ///
    /// # Errors
    ///
    /// The name is not 1 to 32 lower-case letters, or the tables cannot be created.
    ///
    /// ```
    /// use koogallery::ledger::SqliteLedger;
    /// use koogallery::sqlite::{Database, DatabaseError};
    ///
    /// async fn for_tests(database: &Database) -> Result<SqliteLedger, DatabaseError> {
    ///     SqliteLedger::named(database, "staging").await
    /// }
    /// ```
    pub async fn named(database: &Database, name: &str) -> Result<Self, DatabaseError> {
        let tables = Tables::named(name).ok_or_else(|| DatabaseError::Name(name.to_owned()))?;
        Self::with(database, tables).await
    }

    async fn with(database: &Database, tables: Tables) -> Result<Self, DatabaseError> {
        let made = tables.clone();
        database.transaction(move |transaction| make_tables(transaction, &made)).await?;
        Ok(Self { database: database.clone(), tables })
    }

    /// Marks the change of a handler done in a transaction of its own on the same file, so that both are committed or
    /// neither. The [`Completion`] comes with the event.
    ///
    /// The transaction may be one of [`Database::transaction`], or of the application's own connection to the file. Begin
    /// the latter with [`TransactionBehavior::Immediate`](rusqlite::TransactionBehavior::Immediate), set a `busy_timeout`,
    /// and leave `synchronous` at `FULL`. Until it ends, the ledger cannot write: do nothing else in it that waits.
    ///
    /// ```no_run
    /// use koogallery::callback::HandlerError;
    /// use koogallery::callback::subscription::Purchase;
    /// use koogallery::ledger::SqliteLedger;
    /// use koogallery::sqlite::Database;
    ///
    /// async fn create(database: &Database, ledger: &SqliteLedger, purchase: Purchase) -> Result<(), HandlerError> {
    ///     let ledger = ledger.clone();
    ///     database
    ///         .transaction(move |transaction| {
    ///             transaction.execute("INSERT INTO account (id) VALUES (?1)", [&purchase.instance_id])?;
    ///             ledger.complete_in(transaction, &purchase.completion)
    ///         })
    ///         .await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// SQLite failed; `SQLITE_ABORT` with the text of a [`LeaseError`](crate::lease::LeaseError) if the run has lost its
    /// lease, or the transaction is not on the file of this ledger. **Roll the transaction back then**, as it is when it is
    /// dropped.
    pub fn complete_in(&self, transaction: &Transaction<'_>, completion: &Completion) -> rusqlite::Result<()> {
        let Some(held) = completion.step() else { return Ok(()) };
        let transaction = Named { transaction, tables: &self.tables };
        let mut is_there = false;
        for place in held.places() {
            let Some(record) = by_id(&transaction, &place.instance_id)? else { continue };
            if record.is_held_by(held.lease) {
                if completion.is_last() {
                    complete(&transaction, &place.step, record, held.begun_at)?;
                }
                return Ok(());
            }
            is_there = true;
        }
        let refusal = held.refusal(is_there).to_string();
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ABORT), Some(refusal)))
    }

    fn run<'a, T, F>(&'a self, work: F) -> BoxFuture<'a, Result<T, LedgerError>>
    where
        T: Send + 'static,
        F: Fn(&Named<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let tables = self.tables.clone();
        self.database.run(LedgerError::store, move |transaction| work(&Named { transaction, tables: &tables }))
    }

    /// As `run`, for what is read for one call.
    fn read<'a, T, F>(&'a self, work: F) -> BoxFuture<'a, Result<T, LedgerError>>
    where
        T: Send + 'static,
        F: Fn(&Named<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let tables = self.tables.clone();
        self.database.read(LedgerError::store, move |transaction| work(&Named { transaction, tables: &tables }))
    }

    /// As `run`, for changes that only the holder of the lease may make.
    fn run_held<'a, T, F>(&'a self, instance_id: &'a str, work: F) -> BoxFuture<'a, Result<T, LedgerError>>
    where
        T: Send + 'static,
        F: Fn(&Named<'_>) -> rusqlite::Result<Option<T>> + Send + 'static,
    {
        let held = self.run(work);
        async move { held.await?.ok_or_else(|| LedgerError::LeaseLost(instance_id.to_owned())) }.boxed()
    }
}

/// A transaction on tables of a name.
struct Named<'a> {
    transaction: &'a Transaction<'a>,
    tables: &'a Tables,
}

impl Named<'_> {
    fn prepare_cached(&self, statement: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.transaction.prepare_cached(&self.tables.sql(statement))
    }

    fn execute(&self, statement: &str, parameters: impl Params) -> rusqlite::Result<usize> {
        self.prepare_cached(statement)?.execute(parameters)
    }
}

impl Ledger for SqliteLedger {
    fn status<'a>(&'a self, step: &'a Step, now: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        let step = step.clone();
        self.read(move |transaction| status(transaction, &step, find(transaction, &step)?, now))
    }

    fn begin<'a>(
        &'a self,
        step: &'a Step,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<LeaseOutcome, LedgerError>> {
        let step = step.clone();
        self.run(move |transaction| begin(transaction, &step, lease, now))
    }

    fn extend<'a>(
        &'a self,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), LedgerError>> {
        let id = instance_id.to_owned();
        self.run_held(instance_id, move |transaction| {
            let changed = transaction.execute(
                "UPDATE koogallery_instance SET lease_until = ?1 WHERE instance_id = ?2 AND lease_holder = ?3",
                params![lease.end(now).as_unix_millis(), id, lease.holder_text()],
            )?;
            Ok((changed == 1).then_some(()))
        })
    }

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        let (step, id) = (step.clone(), instance_id.to_owned());
        self.run_held(instance_id, move |transaction| {
            let record = by_id(transaction, &id)?.filter(|record| record.is_held_by(lease));
            record.map(|record| complete(transaction, &step, record, now)).transpose()
        })
    }

    fn abandon<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        let id = instance_id.to_owned();
        self.run_held(instance_id, move |transaction| {
            let changed = transaction.execute(
                "UPDATE koogallery_instance SET lease_holder = NULL, lease_until = NULL \
                 WHERE instance_id = ?1 AND lease_holder = ?2",
                params![id, lease.holder_text()],
            )?;
            Ok((changed == 1).then_some(()))
        })
    }

    fn instance<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        let id = instance_id.to_owned();
        self.read(move |transaction| Ok(by_id(transaction, &id)?.map(|record| Arc::new(record.instance))))
    }

    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>> {
        let after = after.unwrap_or_default().to_owned();
        self.read(move |transaction| {
            let mut statement =
                transaction.prepare_cached(select!("WHERE instance_id > ?1 ORDER BY instance_id LIMIT ?2"))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let records = statement.query_map(params![after, limit], Record::read)?;
            records.map(|record| record.map(|record| Arc::new(record.instance))).collect()
        })
    }
}

impl PrunableLedger for SqliteLedger {
    fn prune(&self, before: Timestamp, limit: usize, now: Timestamp) -> BoxFuture<'_, Result<Pruned, LedgerError>> {
        self.run(move |transaction| prune(transaction, before, limit, now))
    }
}

fn make_tables(transaction: &Transaction<'_>, tables: &Tables) -> rusqlite::Result<()> {
    let unsettled = ("status_unsettled", "INTEGER NOT NULL DEFAULT 0");
    for (column, definition) in [("status_signed_at", "INTEGER"), ("released_at", "INTEGER"), unsettled] {
        add_column(transaction, &tables.sql("koogallery_instance"), column, definition)?;
    }
    transaction.execute_batch(&tables.sql(SqliteLedger::SCHEMA))
}

struct Record {
    instance: Instance,
    lease: Option<(String, Timestamp)>,
}

impl Record {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let given = |column: usize| row.get::<_, String>(column).map(|text| Some(text).filter(|text| !text.is_empty()));
        let time = |column: usize| row.get(column).map(|millis: Option<i64>| millis.map(Timestamp::from_unix_millis));
        let state = State::from_word(row.get_ref(5)?.as_str()?).ok_or(rusqlite::Error::InvalidQuery)?;
        let holder: Option<String> = row.get(8)?;
        Ok(Self {
            instance: Instance {
                instance_id: row.get(0)?,
                order: OrderKey { order_id: row.get(1)?, order_line_id: given(2)?, product_id: given(3)? },
                product_id: row.get(4)?,
                state,
                expire_time: time(6)?,
                handler_runs: row.get(7)?,
                status_signed_at: time(10)?,
                status_unsettled: row.get(11)?,
            },
            lease: holder.zip(time(9)?),
        })
    }

    fn is_held_by(&self, lease: Lease) -> bool {
        self.lease.as_ref().is_some_and(|(held, _)| *held == lease.holder_text())
    }
}

fn find(transaction: &Named<'_>, step: &Step) -> rusqlite::Result<Option<Record>> {
    match &step.target {
        Target::Purchase { order, .. } => transaction
            .prepare_cached(select!("WHERE order_id = ?1 AND order_line_id = ?2 AND order_product_id = ?3"))?
            .query_row(
                params![order.order_id, or_empty(&order.order_line_id), or_empty(&order.product_id)],
                Record::read,
            )
            .optional(),
        Target::Instance(id) => by_id(transaction, id),
    }
}

fn by_id(transaction: &Named<'_>, instance_id: &str) -> rusqlite::Result<Option<Record>> {
    transaction.prepare_cached(select!("WHERE instance_id = ?1"))?.query_row([instance_id], Record::read).optional()
}

fn or_empty(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

fn status(
    transaction: &Named<'_>,
    step: &Step,
    record: Option<Record>,
    now: Timestamp,
) -> rusqlite::Result<StepStatus> {
    let noted = match (&record, step.key()) {
        (Some(record), Some(key)) if step.is_done_by_key() => transaction
            .prepare_cached("SELECT 1 FROM koogallery_step WHERE instance_id = ?1 AND step_key = ?2")?
            .exists(params![record.instance.instance_id, key])?,
        _ => false,
    };
    let (instance, lease) = record.map(|record| (Arc::new(record.instance), record.lease)).unzip();
    let lease_left = lease.flatten().map_or(Duration::ZERO, |(_, until)| until.saturating_duration_since(now));
    Ok(step.status(instance, noted, lease_left))
}

fn begin(transaction: &Named<'_>, step: &Step, lease: Lease, now: Timestamp) -> rusqlite::Result<LeaseOutcome> {
    let mut record = find(transaction, step)?;
    if let (None, Some(first)) = (&record, step.initial_instance()) {
        if !insert(transaction, &first, now)? {
            return Ok(LeaseOutcome::IdTaken);
        }
        note(transaction, step, &first.instance_id, now)?;
        record = Some(Record { instance: first, lease: None });
    }
    let begin = step.lease_outcome(status(transaction, step, record, now)?);
    if let LeaseOutcome::Run(instance) = &begin {
        transaction.execute(
            "UPDATE koogallery_instance SET lease_holder = ?2, lease_until = ?3, handler_runs = handler_runs + 1, \
             status_unsettled = ?4 WHERE instance_id = ?1",
            params![
                instance.instance_id,
                lease.holder_text(),
                lease.end(now).as_unix_millis(),
                step.unsettles(instance)
            ],
        )?;
    }
    Ok(begin)
}

/// Applies a step to an instance of its holder.
fn complete(transaction: &Named<'_>, step: &Step, record: Record, now: Timestamp) -> rusqlite::Result<Arc<Instance>> {
    let mut instance = record.instance;
    step.apply(&mut instance);
    note(transaction, step, &instance.instance_id, now)?;
    transaction.execute(
        "UPDATE koogallery_instance SET product_id = ?2, state = ?3, expire_time = ?4, lease_holder = NULL, \
         lease_until = NULL, status_signed_at = ?5, status_unsettled = ?7, \
         released_at = CASE ?3 WHEN 'released' THEN coalesce(released_at, ?6) END WHERE instance_id = ?1",
        params![
            instance.instance_id,
            instance.product_id,
            instance.state.as_str(),
            instance.expire_time.map(Timestamp::as_unix_millis),
            instance.status_signed_at.map(Timestamp::as_unix_millis),
            now.as_unix_millis(),
            instance.status_unsettled
        ],
    )?;
    Ok(Arc::new(instance))
}

/// Returns whether the id was free.
fn insert(transaction: &Named<'_>, first: &Instance, now: Timestamp) -> rusqlite::Result<bool> {
    let inserted = transaction.execute(
        "INSERT INTO koogallery_instance (instance_id, order_id, order_line_id, order_product_id, product_id, state, \
         handler_runs, created_at) VALUES (:instance_id, :order_id, :order_line_id, :order_product_id, :product_id, \
         :state, 0, :created_at) ON CONFLICT (instance_id) DO NOTHING",
        named_params! {
            ":instance_id": first.instance_id,
            ":order_id": first.order.order_id,
            ":order_line_id": or_empty(&first.order.order_line_id),
            ":order_product_id": or_empty(&first.order.product_id),
            ":product_id": first.product_id,
            ":state": first.state.as_str(),
            ":created_at": now.as_unix_millis(),
        },
    )?;
    Ok(inserted == 1)
}

fn note(transaction: &Named<'_>, step: &Step, instance_id: &str, now: Timestamp) -> rusqlite::Result<()> {
    if let Some(key) = step.key() {
        transaction.prepare_cached("INSERT OR IGNORE INTO koogallery_step VALUES (?1, ?2, ?3)")?.execute(params![
            instance_id,
            key,
            now.as_unix_millis()
        ])?;
    }
    Ok(())
}

fn prune(transaction: &Named<'_>, before: Timestamp, limit: usize, now: Timestamp) -> rusqlite::Result<Pruned> {
    let (before, now) = (before.as_unix_millis(), now.as_unix_millis());
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    // Released by an earlier version.
    let dated = transaction.execute(
        "UPDATE koogallery_instance SET released_at = ?1 WHERE rowid IN \
         (SELECT rowid FROM koogallery_instance WHERE state = 'released' AND released_at IS NULL LIMIT ?2)",
        params![now, most],
    )?;
    let old: Vec<String> = transaction
        .prepare_cached(
            "SELECT instance_id FROM koogallery_instance WHERE state = 'released' AND released_at < ?1 \
             AND (lease_until IS NULL OR lease_until <= ?2) ORDER BY released_at LIMIT ?3",
        )?
        .query_map(params![before, now, most], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut steps = 0;
    for id in &old {
        steps += transaction.execute("DELETE FROM koogallery_step WHERE instance_id = ?1", [id])?;
        transaction.execute("DELETE FROM koogallery_instance WHERE instance_id = ?1", [id])?;
    }
    let old_steps = transaction.execute(
        "DELETE FROM koogallery_step WHERE (instance_id, step_key) IN (SELECT instance_id, step_key \
         FROM koogallery_step WHERE done_at < ?1 AND step_key <> 'purchase' ORDER BY done_at LIMIT ?2)",
        params![before, most],
    )?;
    Ok(Pruned::new(old.len(), steps + old_steps, dated.max(old.len()).max(old_steps) >= limit))
}

/// Notices were in tables of their own once. Their rows are copied, so that they need not stay there.
fn take_over_notices(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let tables = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'koogallery_notice_instance'";
    if transaction.prepare(tables)?.exists([])? {
        let prefix = Family::Notices.prefix();
        transaction.execute(
            "INSERT OR IGNORE INTO koogallery_instance SELECT ?1 || instance_id, ?1 || order_id, order_line_id, \
             order_product_id, product_id, state, expire_time, handler_runs, NULL, NULL, created_at, NULL, NULL, 0 \
             FROM koogallery_notice_instance WHERE instr(order_id, ',') = 0",
            [prefix],
        )?;
    }
    Ok(())
}
