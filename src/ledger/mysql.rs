//! The ledger in MySQL or MariaDB.

mod statements;
mod together;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use self::statements::{by_id, columns, find, insert_new, order_values, store, wanted};
use self::together::Together;
use super::renewal::{Extend, Renewal, Renewals};
use super::row::{Record, status};
use super::tables::Tables;
use super::together::{Changed, Mark, New};
use super::{
    Completion, Instance, LeaseOutcome, Ledger, LedgerError, PrunableLedger, Pruned, Step, StepStatus, Target,
};
use crate::columns::Columns as _;
use crate::lease::Lease;
use crate::mysql::mysql_async::{Transaction, Value};
use crate::mysql::{CLOCK, Database, DatabaseError, Own, Reply, Schema, Session, Work, id, lease_end, values};
use crate::timestamp::Timestamp;

/// A ledger for any number of replicas, in tables of its own (`koogallery_instance`, `koogallery_order`,
/// `koogallery_step`).
///
/// Its answers are as durable as the server's `innodb_flush_log_at_trx_commit` makes them; leave that at 1. About leases
/// the server decides by its own clock, so those of the replicas need not agree. Leases that are to be extended at the
/// same time are extended in one transaction, on a connection that is kept for it.
///
/// Calls of one process that wait for the database at the same time share a transaction and its commit. What would make the
/// others wait, such as an instance that another transaction has locked, is done alone.
///
/// ```no_run
/// use koogallery::ledger::MysqlLedger;
/// use koogallery::mysql::Database;
///
/// # async fn example() -> Result<(), koogallery::mysql::DatabaseError> {
/// let database = Database::connect("mysql://shop:secret@127.0.0.1/shop").await?;
/// let ledger = MysqlLedger::new(&database).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MysqlLedger {
    database: Database,
    tables: Tables,
    renewals: Renewals<Reserved>,
    together: Arc<Together>,
}

impl fmt::Debug for MysqlLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlLedger").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// Orders have a table of their own, in which they are the primary key: a failed insertion into a second unique key
/// would lock the gap before it. Empty texts stand for the missing parts of an order key, since no column of a primary key
/// may be NULL. The key of a purchase (`purchase`, in hexadecimal) is not pruned.
const TABLES: &str = "CREATE TABLE IF NOT EXISTS koogallery_instance (
    instance_id      VARBINARY(512) PRIMARY KEY,
    order_id         VARBINARY(512) NOT NULL,
    order_line_id    VARBINARY(512) NOT NULL,
    order_product_id VARBINARY(512) NOT NULL,
    product_id       LONGTEXT,
    state            VARBINARY(16) NOT NULL CHECK (state IN ('creating', 'active', 'frozen', 'released')),
    expire_time      BIGINT,
    handler_runs     BIGINT NOT NULL,
    status_signed_at BIGINT,
    lease_holder     VARBINARY(32),
    lease_until      BIGINT,
    created_at       BIGINT NOT NULL,
    released_at      BIGINT,
    KEY koogallery_instance_released (released_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4;
CREATE TABLE IF NOT EXISTS koogallery_order (
    order_id         VARBINARY(512) NOT NULL,
    order_line_id    VARBINARY(512) NOT NULL,
    order_product_id VARBINARY(512) NOT NULL,
    instance_id      VARBINARY(512) NOT NULL,
    PRIMARY KEY (order_id, order_line_id, order_product_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
CREATE TABLE IF NOT EXISTS koogallery_step (
    instance_id VARBINARY(512) NOT NULL,
    step_key    VARBINARY(512) NOT NULL,
    done_at     BIGINT NOT NULL,
    prunable_at BIGINT GENERATED ALWAYS AS (IF(step_key = X'7075726368617365', NULL, done_at)) STORED,
    PRIMARY KEY (instance_id, step_key),
    KEY koogallery_step_prunable (prunable_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
";

/// Since version 2 a status change that came to no end is known.
/// MySQL has no `ADD COLUMN IF NOT EXISTS`.
const UNSETTLED: &str = "SET @koogallery_update = IF(EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'koogallery_instance' AND column_name = 'status_unsettled'),
    'DO 0', 'ALTER TABLE koogallery_instance ADD COLUMN status_unsettled BIGINT NOT NULL DEFAULT 0');
PREPARE koogallery_update FROM @koogallery_update;
EXECUTE koogallery_update;
DEALLOCATE PREPARE koogallery_update;
";

const MIGRATIONS: [&str; 2] = [TABLES, UNSETTLED];

impl MysqlLedger {
    /// Returns the tables that [`MysqlLedger::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::mysql("ledger", "koogallery_step", &MIGRATIONS)
    }

    /// Returns the tables of a [named](Self::named) ledger.
    ///
    /// # Errors
    ///
    /// The name is not 1 to 32 lower-case letters.
    ///
    /// ```
    /// use koogallery::ledger::MysqlLedger;
    ///
    /// let schema = MysqlLedger::named_schema("staging")?;
    /// assert!(schema.statements(0).contains("koogallery_staging_instance"));
    /// assert!(MysqlLedger::named_schema("Staging").is_err());
    /// # Ok::<(), koogallery::mysql::DatabaseError>(())
    /// ```
    pub fn named_schema(name: &str) -> Result<Schema, DatabaseError> {
        let tables = Tables::named(name).ok_or_else(|| DatabaseError::Name(name.to_owned()))?;
        let migrations = MIGRATIONS.map(|migration| tables.sql(migration));
        let migrations = migrations.each_ref().map(|migration| &**migration);
        Ok(Schema::mysql(format!("ledger_{name}"), tables.sql("koogallery_step"), &migrations))
    }

    /// Opens the ledger, creating its tables if there are none, or updating those of an earlier version.
    ///
    /// # Errors
    ///
    /// The tables cannot be created, or are of a newer version.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.migrate(&Self::schema()).await?;
        Ok(Self::on(database, Tables::default()))
    }

    /// Opens another ledger in the same database, in tables `koogallery_{name}_instance` and so on. Its content is
    /// unknown to the default one.
    ///
    /// # Errors
    ///
    /// The name is not 1 to 32 lower-case letters, or as [`MysqlLedger::new`].
    pub async fn named(database: &Database, name: &str) -> Result<Self, DatabaseError> {
        database.migrate(&Self::named_schema(name)?).await?;
        Ok(Self::on(database, Tables::named(name).unwrap_or_default()))
    }

    fn on(database: &Database, tables: Tables) -> Self {
        let reserved = Reserved { database: database.reserved(), tables: tables.clone() };
        let together = Arc::new(Together::new(database, &tables));
        Self { database: database.clone(), tables, renewals: Renewals::new(reserved), together }
    }

    /// Marks the change of a handler done in a transaction of its own (`READ COMMITTED`) on the same database, so that
    /// both are committed or neither. The [`Completion`] comes with the event.
    ///
    /// The transaction is one of [`mysql_async`](crate::mysql::mysql_async), of whatever pool. Until it ends, other work on
    /// the instance waits, the extension of the lease as well. So mark last, and commit at once.
    ///
    /// ```no_run
    /// use koogallery::callback::HandlerError;
    /// use koogallery::callback::subscription::Purchase;
    /// use koogallery::ledger::MysqlLedger;
    /// use koogallery::mysql::mysql_async::prelude::Queryable;
    /// use koogallery::mysql::mysql_async::{IsolationLevel, Pool, TxOpts};
    ///
    /// async fn create(pool: &Pool, ledger: &MysqlLedger, purchase: Purchase) -> Result<(), HandlerError> {
    ///     let mut options = TxOpts::new();
    ///     options.with_isolation_level(IsolationLevel::ReadCommitted);
    ///     let mut transaction = pool.start_transaction(options).await?;
    ///     transaction.exec_drop("INSERT INTO account (id) VALUES (?)", (&purchase.instance_id,)).await?;
    ///     ledger.complete_in(&mut transaction, &purchase.completion).await?;
    ///     transaction.commit().await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// MySQL failed; [`DatabaseError::Lease`] if the run has lost its lease, or the transaction is not on the database of
    /// this ledger. **Roll the transaction back then**, as it is when it is dropped.
    pub async fn complete_in(
        &self,
        transaction: &mut Transaction<'_>,
        completion: &Completion,
    ) -> Result<(), DatabaseError> {
        let Some(held) = completion.step() else { return Ok(()) };
        let work = Named { work: Own::new(transaction), tables: self.tables.clone() };
        let mut is_there = false;
        for place in held.places() {
            let Some(record) = by_id(&work, &place.instance_id, "FOR UPDATE").await? else { continue };
            if record.is_held_by(held.lease) {
                if completion.is_last() {
                    let changed = Changed::by(&place.step, record.instance, held.lease, held.begun_at);
                    store(&work, &[changed]).await?;
                }
                return Ok(());
            }
            is_there = true;
        }
        Err(held.refusal(is_there).into())
    }

    async fn ask_for_lease(&self, step: &Step, lease: Lease, now: Timestamp) -> Result<LeaseOutcome, LedgerError> {
        let ends = self.database.ends();
        // Mostly a purchase is a new one.
        if let Some(instance) = step.initial_instance() {
            let new = New { key: step.key().map(str::to_owned), instance, lease: Some(lease), at: now };
            // What cannot be stored must not fail the others.
            new.row().map_err(LedgerError::store)?;
            if let Some(instance) = self.together.beginnings.ask(new, ends).await {
                return Ok(LeaseOutcome::Run(instance));
            }
        }
        self.run_until(ends, move |work| async move { begin(&work, step, lease, now).await }).await
    }

    async fn run<T, F>(&self, work: impl Fn(Named) -> F) -> Result<T, LedgerError>
    where
        F: Future<Output = Result<T, DatabaseError>>,
    {
        self.run_until(self.database.ends(), work).await
    }

    /// As `run`, in the time that is left.
    async fn run_until<T, F>(&self, ends: Instant, work: impl Fn(Named) -> F) -> Result<T, LedgerError>
    where
        F: Future<Output = Result<T, DatabaseError>>,
    {
        let named = |own| work(Named { work: own, tables: self.tables.clone() });
        self.database.run_until(ends, named).await.map_err(LedgerError::store)
    }
}

/// Returns what was done by the holder of a lease, or that it has lost the lease.
fn held<T>(instance_id: &str, done: Option<T>) -> Result<T, LedgerError> {
    done.ok_or_else(|| LedgerError::LeaseLost(instance_id.to_owned()))
}

/// A transaction on tables of a name.
struct Named<S = Work> {
    work: S,
    tables: Tables,
}

impl<S: Session> Session for Named<S> {
    async fn run(&self, statement: &str, values: &[Value]) -> Result<Reply, DatabaseError> {
        self.work.run(&self.tables.sql(statement), values).await
    }
}

impl Ledger for MysqlLedger {
    fn status<'a>(&'a self, step: &'a Step, _now: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        async move {
            let ends = self.database.ends();
            wanted(step).map_err(LedgerError::store)?;
            if let Some(status) = self.together.statuses.ask(step.clone(), ends).await {
                return Ok(status);
            }
            self.run_until(ends, move |work| async move { Ok(status(step, find(&work, step).await?)) }).await
        }
        .boxed()
    }

    fn begin<'a>(
        &'a self,
        step: &'a Step,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<LeaseOutcome, LedgerError>> {
        async move {
            let outcome = self.ask_for_lease(step, lease, now).await?;
            self.together.granted.keep(lease, &outcome);
            Ok(outcome)
        }
        .boxed()
    }

    fn extend<'a>(
        &'a self,
        instance_id: &'a str,
        lease: Lease,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<(), LedgerError>> {
        async move {
            if self.renewals.extend(instance_id, lease).await {
                return Ok(());
            }
            // Lost, or its row is locked: that is found out alone, so that the others do not wait.
            let extend = move |work: Named| async move {
                let extend = format!(
                    "UPDATE koogallery_instance SET lease_until = {} WHERE instance_id = ?1 AND lease_holder = ?2",
                    lease_end("?3")
                );
                let place = values![id("instance_id", instance_id)?, lease.holder_text(), lease.duration_millis()];
                Ok((work.execute(&extend, &place).await? == 1).then_some(()))
            };
            held(instance_id, self.run(extend).await?)
        }
        .boxed()
    }

    fn complete<'a>(
        &'a self,
        step: &'a Step,
        instance_id: &'a str,
        lease: Lease,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Arc<Instance>, LedgerError>> {
        async move {
            let ends = self.database.ends();
            if let Some(before) = self.together.granted.take(lease, instance_id) {
                let mark = Mark { step: step.clone(), before, lease, at: now };
                if let Some(instance) = self.together.marks.ask(mark, ends).await {
                    return Ok(instance);
                }
            }
            let complete = move |work: Named| async move {
                let record = by_id(&work, instance_id, "FOR UPDATE").await?;
                let Some(record) = record.filter(|record| record.is_held_by(lease)) else {
                    return Ok(None);
                };
                let changed = [Changed::by(step, record.instance, lease, now)];
                store(&work, &changed).await?;
                let [changed] = changed;
                Ok(Some(Arc::new(changed.instance)))
            };
            held(instance_id, self.run_until(ends, complete).await?)
        }
        .boxed()
    }

    fn abandon<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        self.together.granted.take(lease, instance_id);
        let abandon = move |work: Named| async move {
            let release = "UPDATE koogallery_instance SET lease_holder = NULL, lease_until = NULL \
                           WHERE instance_id = ?1 AND lease_holder = ?2";
            let place = values![id("instance_id", instance_id)?, lease.holder_text()];
            Ok((work.execute(release, &place).await? == 1).then_some(()))
        };
        async move { held(instance_id, self.run(abandon).await?) }.boxed()
    }

    fn instance<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        async move {
            let ends = self.database.ends();
            id("instance_id", instance_id).map_err(LedgerError::store)?;
            if let Some(instance) = self.together.instances.ask(instance_id.to_owned(), ends).await {
                return Ok(instance);
            }
            let find = move |work: Named| async move {
                let record = by_id(&work, instance_id, "").await?;
                Ok(record.map(|record| Arc::new(record.instance)))
            };
            self.run_until(ends, find).await
        }
        .boxed()
    }

    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>> {
        let list = move |work: Named| async move {
            let list = format!(
                "SELECT {} FROM koogallery_instance AS instance WHERE instance_id > ?1 ORDER BY instance_id LIMIT ?2",
                columns()
            );
            let rows = work.query(&list, &values![id("instance_id", after.unwrap_or_default())?, limit]).await?;
            rows.iter().map(|row| Record::read(row).map(|record| Arc::new(record.instance))).collect()
        };
        self.run(list).boxed()
    }
}

impl PrunableLedger for MysqlLedger {
    fn prune(&self, before: Timestamp, limit: usize, _now: Timestamp) -> BoxFuture<'_, Result<Pruned, LedgerError>> {
        self.run(move |work| async move { prune(&work, before, limit).await }).boxed()
    }
}

async fn begin(work: &Named, step: &Step, lease: Lease, now: Timestamp) -> Result<LeaseOutcome, DatabaseError> {
    if let (Target::Purchase { order, .. }, Some(first)) = (&step.target, step.initial_instance()) {
        let find = "SELECT instance_id FROM koogallery_order \
                    WHERE order_id = ?1 AND order_line_id = ?2 AND order_product_id = ?3";
        let first = New { key: step.key().map(str::to_owned), instance: first, lease: None, at: now };
        let mut is_inserted = None;
        loop {
            let known = work.query_opt(find, &order_values(order)?).await?;
            match (&known, is_inserted) {
                // Otherwise the order was pruned meanwhile, and is not known any more.
                (Some(row), _) if lock(work, &row.text("instance_id")?).await? => break,
                (Some(_), _) => {}
                (None, Some(false)) => return Ok(LeaseOutcome::IdTaken),
                (None, _) => {
                    is_inserted = Some(!insert_new(work, &[&first]).await?.is_empty());
                }
            }
        }
    } else if let Target::Instance(instance_id) = &step.target {
        lock(work, instance_id).await?;
    }
    let begin = step.lease_outcome(status(step, find(work, step).await?));
    if let LeaseOutcome::Run(instance) = &begin {
        let lend = format!(
            "UPDATE koogallery_instance SET lease_holder = ?2, lease_until = {}, handler_runs = handler_runs + 1, \
             status_unsettled = ?4 WHERE instance_id = ?1",
            lease_end("?3")
        );
        let unsettled = i64::from(step.unsettles(instance));
        let place = id("instance_id", &instance.instance_id)?;
        work.execute(&lend, &values![place, lease.holder_text(), lease.duration_millis(), unsettled]).await?;
    }
    Ok(begin)
}

/// Locks an instance, and returns whether it is there. Only a statement that begins after the wait for the row sees all
/// changes of others, and the clock as it is then.
async fn lock(work: &Named, instance_id: &str) -> Result<bool, DatabaseError> {
    let lock = "SELECT instance_id FROM koogallery_instance WHERE instance_id = ?1 FOR UPDATE";
    Ok(work.query_opt(lock, &[id("instance_id", instance_id)?]).await?.is_some())
}

/// Instances that another transaction has locked are left to the next time.
async fn prune(work: &Named, before: Timestamp, limit: usize) -> Result<Pruned, DatabaseError> {
    let within = values![before.as_unix_millis(), limit];
    let find = format!(
        "SELECT instance_id, order_id, order_line_id, order_product_id FROM koogallery_instance \
         WHERE state = 'released' AND released_at < ?1 AND (lease_until IS NULL OR lease_until <= {CLOCK}) \
         ORDER BY released_at LIMIT ?2 FOR UPDATE SKIP LOCKED"
    );
    let found = work.query(&find, &within).await?;
    let (mut old, mut old_orders) = (Vec::new(), Vec::new());
    for row in &found {
        old.push(values![row.text("instance_id")?].to_vec());
        let order = [row.text("order_id")?, row.text("order_line_id")?, row.text("order_product_id")?];
        old_orders.push(order.map(Value::from).to_vec());
    }
    // Only statements that begin once the rows are locked see every key that was stored with them.
    let steps = |places: &str| format!("DELETE FROM koogallery_step WHERE instance_id IN ({places})");
    let steps = work.execute_rows(steps, &[], &old).await?;
    let orders = |places: &str| {
        format!("DELETE FROM koogallery_order WHERE (order_id, order_line_id, order_product_id) IN ({places})")
    };
    work.execute_rows(orders, &[], &old_orders).await?;
    let instances = |places: &str| format!("DELETE FROM koogallery_instance WHERE instance_id IN ({places})");
    work.execute_rows(instances, &[], &old).await?;
    let old_steps = "DELETE FROM koogallery_step WHERE prunable_at < ?1 ORDER BY prunable_at LIMIT ?2";
    let old_steps = work.execute(old_steps, &within).await?;
    let [steps, old_steps] = [steps, old_steps].map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
    Ok(Pruned::new(old.len(), steps + old_steps, old.len().max(old_steps) >= limit))
}

/// The connection on which leases are extended.
#[derive(Clone)]
struct Reserved {
    database: Database,
    tables: Tables,
}

impl Extend for Reserved {
    type Error = DatabaseError;

    async fn extend(&self, renewals: &[&Renewal]) -> Result<HashSet<String>, DatabaseError> {
        let extend = |work: Work| async move {
            let work = Named { work, tables: self.tables.clone() };
            let ids = renewals.iter().map(|renewal| Ok(vec![id("instance_id", &renewal.instance_id)?]));
            let ids = ids.collect::<Result<Vec<_>, DatabaseError>>()?;
            // One row that is locked for long must not end the leases of all others.
            let free = |places: &str| {
                format!(
                    "SELECT instance_id, lease_holder FROM koogallery_instance WHERE instance_id IN ({places}) \
                     AND lease_holder IS NOT NULL FOR UPDATE SKIP LOCKED"
                )
            };
            let free = work.query_rows(free, &[], &ids).await?;
            let free = free.iter().map(|row| Ok((row.text("instance_id")?, row.text("lease_holder")?)));
            let free = free.collect::<Result<HashSet<_>, DatabaseError>>()?;
            let mut by_duration: BTreeMap<i64, Vec<Vec<Value>>> = BTreeMap::new();
            let mut extended = HashSet::new();
            for Renewal { instance_id, holder, duration } in renewals.iter().copied() {
                if free.contains(&(instance_id.clone(), holder.clone())) {
                    by_duration.entry(*duration).or_default().push(values![instance_id].to_vec());
                    extended.insert(holder.clone());
                }
            }
            let extend = |places: &str| {
                let end = lease_end("?1");
                format!("UPDATE koogallery_instance SET lease_until = {end} WHERE instance_id IN ({places})")
            };
            for (duration, ids) in &by_duration {
                work.execute_rows(extend, &values![*duration], ids).await?;
            }
            Ok(extended)
        };
        self.database.run(extend).await
    }
}
