//! The ledger in PostgreSQL.

mod statements;
mod together;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join, try_join3};
use tokio::time::Instant;
use tokio_postgres::{Row, Transaction};

use self::statements::{by_id, columns, find, insert_new, store};
use self::together::Together;
use super::renewal::{Extend, Renewal, Renewals};
use super::row::{Record, status};
use super::tables::Tables;
use super::together::{Changed, Mark, New};
use super::{Completion, Instance, LeaseOutcome, Ledger, LedgerError, PrunableLedger, Pruned, Step, StepStatus};
use crate::lease::Lease;
use crate::postgres::{
    CLOCK, Database, DatabaseError, Parameter, Schema, Work, int, ints, lease_end, limit as rows, text, texts,
};
use crate::timestamp::Timestamp;

/// A ledger for any number of replicas, in tables of its own (`koogallery_instance`, `koogallery_step`).
///
/// Its answers are as durable as the server's `synchronous_commit` makes them; leave that on. About leases the server
/// decides by its own clock, so those of the replicas need not agree. Leases that are to be extended at the same time
/// are extended by one statement, on a connection that is kept for it.
///
/// Calls of one process that wait for the database at the same time share a transaction and its commit. What would make the
/// others wait, such as an instance that another transaction has locked, is done alone.
#[derive(Clone)]
pub struct PostgresLedger {
    database: Database,
    tables: Tables,
    renewals: Renewals<Reserved>,
    together: Arc<Together>,
}

impl fmt::Debug for PostgresLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresLedger").field("database", &self.database).field("tables", &self.tables).finish()
    }
}

/// Keys are compared byte by byte (`"C"`), so that pages have the order of every other ledger, and indexes do not depend
/// on the operating system's collation. Empty texts stand for the missing parts of an order key, since no two NULLs of a
/// unique index are equal.
const TABLES: &str = r#"CREATE TABLE IF NOT EXISTS koogallery_instance (
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

/// Since version 2 a status change is compared with the one before it.
const STATUS_TIMES: &str = "ALTER TABLE koogallery_instance ADD COLUMN IF NOT EXISTS status_signed_at BIGINT;\n";

/// Since version 3 old instances and steps can be found.
const TIMES_OF_RELEASE: &str = "ALTER TABLE koogallery_instance ADD COLUMN IF NOT EXISTS released_at BIGINT;
CREATE INDEX IF NOT EXISTS koogallery_instance_released ON koogallery_instance (released_at) WHERE state = 'released';
CREATE INDEX IF NOT EXISTS koogallery_step_done ON koogallery_step (done_at) WHERE step_key <> 'purchase';
";

/// Since version 4 a status change that came to no end is known.
const UNSETTLED: &str =
    "ALTER TABLE koogallery_instance ADD COLUMN IF NOT EXISTS status_unsettled BIGINT NOT NULL DEFAULT 0;\n";

const MIGRATIONS: [&str; 4] = [TABLES, STATUS_TIMES, TIMES_OF_RELEASE, UNSETTLED];

impl PostgresLedger {
    /// Returns the tables that [`PostgresLedger::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::postgres("ledger", "koogallery_step", &MIGRATIONS)
    }

    /// Returns the tables of a [named](Self::named) ledger.
    ///
    /// # Errors
    ///
    /// The name is not 1 to 32 lower-case letters.
    ///
    /// ```
    /// use koogallery::ledger::PostgresLedger;
    ///
    /// let schema = PostgresLedger::named_schema("staging")?;
    /// assert!(schema.statements(0).contains("koogallery_staging_instance"));
    /// assert!(PostgresLedger::named_schema("Staging").is_err());
    /// # Ok::<(), koogallery::postgres::DatabaseError>(())
    /// ```
    pub fn named_schema(name: &str) -> Result<Schema, DatabaseError> {
        let tables = Tables::named(name).ok_or_else(|| DatabaseError::Name(name.to_owned()))?;
        let migrations = MIGRATIONS.map(|migration| tables.sql(migration));
        let migrations = migrations.each_ref().map(|migration| &**migration);
        Ok(Schema::postgres(format!("ledger_{name}"), tables.sql("koogallery_step"), &migrations))
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

    /// Opens another ledger in the same database, in tables `koogallery_{name}_instance` and `koogallery_{name}_step`.
    /// Its content is unknown to the default one.
    ///
    /// # Errors
    ///
    /// The name is not 1 to 32 lower-case letters, or as [`PostgresLedger::new`].
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
    /// The transaction may be of any pool that lends those of [`tokio_postgres`]. Until it ends, other work on the instance
    /// waits, the extension of the lease as well. So mark last, and commit at once.
    ///
    /// ```no_run
    /// use koogallery::callback::HandlerError;
    /// use koogallery::callback::subscription::Purchase;
    /// use koogallery::ledger::PostgresLedger;
    /// use koogallery::postgres::deadpool_postgres::Pool;
    ///
    /// async fn create(pool: &Pool, ledger: &PostgresLedger, purchase: Purchase) -> Result<(), HandlerError> {
    ///     let mut client = pool.get().await?;
    ///     let transaction = client.transaction().await?;
    ///     transaction.execute("INSERT INTO account (id) VALUES ($1)", &[&purchase.instance_id]).await?;
    ///     ledger.complete_in(&transaction, &purchase.completion).await?;
    ///     transaction.commit().await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// PostgreSQL failed; [`DatabaseError::Lease`] if the run has lost its lease, or the transaction is not on the database of
    /// this ledger. **Roll the transaction back then**, as it is when it is dropped.
    pub async fn complete_in(
        &self,
        transaction: &Transaction<'_>,
        completion: &Completion,
    ) -> Result<(), DatabaseError> {
        let Some(held) = completion.step() else { return Ok(()) };
        let (work, tables) = (&Work::new(transaction.client()), &self.tables);
        let transaction = Named { work, tables };
        let mut is_there = false;
        for place in held.places() {
            let Some(record) = by_id(&transaction, &place.instance_id, "FOR UPDATE").await? else { continue };
            if record.is_held_by(held.lease) {
                if completion.is_last() {
                    let changed = Changed::by(&place.step, record.instance, held.lease, held.begun_at);
                    store(&transaction, &[changed]).await?;
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
            if let Some(instance) = self.together.beginnings.ask(new, ends).await {
                return Ok(LeaseOutcome::Run(instance));
            }
        }
        self.run_until(ends, async move |transaction| begin(transaction, step, lease, now).await).await
    }

    async fn run<T>(&self, work: impl AsyncFnOnce(&Named<'_>) -> Result<T, DatabaseError>) -> Result<T, LedgerError> {
        self.run_until(self.database.ends(), work).await
    }

    /// As `run`, in the time that is left.
    async fn run_until<T>(
        &self,
        ends: Instant,
        work: impl AsyncFnOnce(&Named<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, LedgerError> {
        let tables = &self.tables;
        let work = async move |own: &Work<'_>| work(&Named { work: own, tables }).await;
        self.database.run_until(ends, work).await.map_err(LedgerError::store)
    }
}

/// A transaction on tables of a name.
struct Named<'a> {
    work: &'a Work<'a>,
    tables: &'a Tables,
}

impl Named<'_> {
    async fn execute(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<u64, DatabaseError> {
        self.work.execute(&self.tables.sql(statement), parameters).await
    }

    async fn query(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, DatabaseError> {
        self.work.query(&self.tables.sql(statement), parameters).await
    }

    async fn query_opt(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<Option<Row>, DatabaseError> {
        self.work.query_opt(&self.tables.sql(statement), parameters).await
    }

    /// Runs the last statements of the transaction.
    async fn last<T>(&self, statements: impl Future<Output = Result<T, DatabaseError>>) -> Result<T, DatabaseError> {
        self.work.last(statements).await
    }
}

impl Ledger for PostgresLedger {
    fn status<'a>(&'a self, step: &'a Step, _now: Timestamp) -> BoxFuture<'a, Result<StepStatus, LedgerError>> {
        async move {
            let ends = self.database.ends();
            if let Some(status) = self.together.statuses.ask(step.clone(), ends).await {
                return Ok(status);
            }
            let find = async move |transaction: &Named<'_>| transaction.last(find(transaction, step, "")).await;
            Ok(status(step, self.run_until(ends, find).await?))
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
            let extend = async |transaction: &Named<'_>| {
                let extend = format!(
                    "UPDATE koogallery_instance SET lease_until = {} WHERE instance_id = $1 AND lease_holder = $2",
                    lease_end("$3")
                );
                let (holder, duration) = (lease.holder_text(), lease.duration_millis());
                let parameters = [text(&instance_id), text(&holder), int(&duration)];
                let changed = transaction.last(transaction.execute(&extend, &parameters)).await?;
                Ok((changed == 1).then_some(()))
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
            let complete = async move |transaction: &Named<'_>| {
                let record = by_id(transaction, instance_id, "FOR UPDATE").await?;
                let Some(record) = record.filter(|record| record.is_held_by(lease)) else {
                    return Ok(None);
                };
                let changed = [Changed::by(step, record.instance, lease, now)];
                transaction.last(store(transaction, &changed)).await?;
                let [changed] = changed;
                Ok(Some(Arc::new(changed.instance)))
            };
            held(instance_id, self.run_until(ends, complete).await?)
        }
        .boxed()
    }

    fn abandon<'a>(&'a self, instance_id: &'a str, lease: Lease) -> BoxFuture<'a, Result<(), LedgerError>> {
        async move {
            self.together.granted.take(lease, instance_id);
            let abandon = async move |transaction: &Named<'_>| {
                let holder = lease.holder_text();
                let release = "UPDATE koogallery_instance SET lease_holder = NULL, lease_until = NULL \
                               WHERE instance_id = $1 AND lease_holder = $2";
                let parameters = [text(&instance_id), text(&holder)];
                let changed = transaction.last(transaction.execute(release, &parameters)).await?;
                Ok((changed == 1).then_some(()))
            };
            held(instance_id, self.run(abandon).await?)
        }
        .boxed()
    }

    fn instance<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Instance>>, LedgerError>> {
        async move {
            let ends = self.database.ends();
            if let Some(instance) = self.together.instances.ask(instance_id.to_owned(), ends).await {
                return Ok(instance);
            }
            let find = async move |transaction: &Named<'_>| transaction.last(by_id(transaction, instance_id, "")).await;
            Ok(self.run_until(ends, find).await?.map(|record| Arc::new(record.instance)))
        }
        .boxed()
    }

    fn instances<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Arc<Instance>>, LedgerError>> {
        self.run(async move |transaction| {
            let statement = format!(
                "SELECT {} FROM koogallery_instance WHERE instance_id > $1 ORDER BY instance_id LIMIT $2",
                columns()
            );
            let after = after.unwrap_or_default();
            let limit = rows(limit);
            let page = transaction.last(transaction.query(&statement, &[text(&after), int(&limit)])).await?;
            page.iter().map(|row| Record::read(row).map(|record| Arc::new(record.instance))).collect()
        })
        .boxed()
    }
}

impl PrunableLedger for PostgresLedger {
    fn prune(&self, before: Timestamp, limit: usize, now: Timestamp) -> BoxFuture<'_, Result<Pruned, LedgerError>> {
        self.run(async move |transaction| prune(transaction, before, limit, now).await).boxed()
    }
}

/// Returns what was done by the holder of a lease, or that it has lost the lease.
fn held<T>(instance_id: &str, done: Option<T>) -> Result<T, LedgerError> {
    done.ok_or_else(|| LedgerError::LeaseLost(instance_id.to_owned()))
}

async fn begin(
    transaction: &Named<'_>,
    step: &Step,
    lease: Lease,
    now: Timestamp,
) -> Result<LeaseOutcome, DatabaseError> {
    let first = step.initial_instance().map(|instance| {
        let key = step.key().map(str::to_owned);
        [New { key, instance, lease: None, at: now }]
    });
    let insert = async {
        match &first {
            Some([first]) => insert_new(transaction, &[first]).await.map(drop),
            None => Ok(()),
        }
    };
    // The second waits for other transactions on the row. Only a statement that starts after the wait sees all their
    // changes, and reads the clock then: the row comes in its newest version, but the keys as they were before.
    let lock = find(transaction, step, "FOR UPDATE OF instance");
    let ((), _, found) = try_join3(insert, lock, find(transaction, step, "")).await?;
    if first.is_some() && found.is_none() {
        return Ok(LeaseOutcome::IdTaken);
    }
    let begin = step.lease_outcome(status(step, found));
    if let LeaseOutcome::Run(instance) = &begin {
        let (holder, duration) = (lease.holder_text(), lease.duration_millis());
        let lend = format!(
            "UPDATE koogallery_instance SET lease_holder = $2, lease_until = {}, handler_runs = handler_runs + 1, \
             status_unsettled = $4 WHERE instance_id = $1",
            lease_end("$3")
        );
        let unsettled = i64::from(step.unsettles(instance));
        let parameters = [text(&instance.instance_id), text(&holder), int(&duration), int(&unsettled)];
        transaction.last(transaction.execute(&lend, &parameters)).await?;
    }
    Ok(begin)
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
        let column = |value: fn(&Renewal) -> &str| renewals.iter().map(|renewal| value(renewal)).collect::<Vec<&str>>();
        let (ids, holders) = (column(|renewal| &renewal.instance_id), column(|renewal| &renewal.holder));
        let durations: Vec<i64> = renewals.iter().map(|renewal| renewal.duration).collect();
        // One row that is locked for long must not end the leases of all others.
        let extend = format!(
            "UPDATE koogallery_instance AS instance SET lease_until = {} FROM (SELECT instance_id, duration \
             FROM koogallery_instance JOIN unnest($1, $2, $3) AS renewal (id, holder, duration) \
             ON instance_id = id AND lease_holder = holder FOR UPDATE OF koogallery_instance SKIP LOCKED) AS free \
             WHERE instance.instance_id = free.instance_id RETURNING lease_holder",
            lease_end("free.duration")
        );
        let parameters = [texts(&ids), texts(&holders), ints(&durations)];
        let rows = self.database.rows(&self.tables.sql(&extend), &parameters).await?;
        rows.iter().map(|row: &Row| Ok(row.try_get(0)?)).collect()
    }
}

/// What another transaction has locked is left to the next time.
async fn prune(
    transaction: &Named<'_>,
    before: Timestamp,
    limit: usize,
    now: Timestamp,
) -> Result<Pruned, DatabaseError> {
    let (before, now, most) = (before.as_unix_millis(), now.as_unix_millis(), rows(limit));
    // Released by an earlier version.
    let date = "UPDATE koogallery_instance SET released_at = $1 WHERE ctid = ANY (ARRAY(SELECT ctid \
                FROM koogallery_instance WHERE state = 'released' AND released_at IS NULL \
                LIMIT $2 FOR UPDATE SKIP LOCKED))";
    let find = format!(
        "SELECT instance_id FROM koogallery_instance WHERE state = 'released' AND released_at < $1 \
         AND (lease_until IS NULL OR lease_until <= {CLOCK}) ORDER BY released_at LIMIT $2 FOR UPDATE SKIP LOCKED"
    );
    let (from_now, from_before) = ([int(&now), int(&most)], [int(&before), int(&most)]);
    let (dated, found) = try_join(transaction.execute(date, &from_now), transaction.query(&find, &from_before)).await?;
    let old: Vec<&str> = found.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    // Only statements that begin once the rows are locked see every key that was stored with them.
    let of_old = [texts(&old)];
    let old_keys = "DELETE FROM koogallery_step WHERE ctid = ANY (ARRAY(SELECT ctid FROM koogallery_step \
                    WHERE done_at < $1 AND step_key <> 'purchase' ORDER BY done_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
    let delete = try_join3(
        transaction.execute("DELETE FROM koogallery_step WHERE instance_id = ANY ($1)", &of_old),
        transaction.execute("DELETE FROM koogallery_instance WHERE instance_id = ANY ($1)", &of_old),
        transaction.execute(old_keys, &from_before),
    );
    let (steps, _, old_steps) = transaction.last(delete).await?;
    let [dated, steps, old_steps] = [dated, steps, old_steps].map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
    Ok(Pruned::new(old.len(), steps + old_steps, dated.max(old.len()).max(old_steps) >= limit))
}
