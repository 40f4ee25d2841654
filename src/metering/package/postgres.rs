//! The package store in PostgreSQL.

mod together;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join, try_join_all, try_join3, try_join4};

use tokio_postgres::Transaction;

use super::group::Asked;
use super::row::{
    COVERED, Cell, ONE, OVER, PACKAGES, RECORDED, package_cells, put_package, put_reservation, read_package,
    read_reservation, read_status, reservation_cells, status,
};
use super::{Change, Decision, Deduction, Outcome, PackageError, PackageStatus, PackageStore, Scope, Shelf};
use crate::batch::Batches;
use crate::columns::Columns as _;
use crate::metering::postgres::{lock, record};
use crate::metering::row::AT_ONCE;
use crate::metering::{Entry, MeteringError, PostgresUsageStore, Recorded};
use crate::postgres::{CLOCK, Database, DatabaseError, Schema, Work, flag, int, ints, shared, text, texts};
use crate::timestamp::Timestamp;

use together::Changes;

/// A package store for any number of replicas, in tables of its own (`koogallery_package`, `_reservation`), in the
/// database of a usage store. Leases end by the clock of the server.
///
/// Recordings with a usage id of one process that wait for the database at the same time share one commit. Where it is not
/// known whether that was made, they are made again one by one, and those that it had are answered as repeated.
///
/// ```no_run
/// use koogallery::metering::package::{PackageBook, PostgresPackageStore};
/// use koogallery::metering::{Meter, PostgresUsageStore};
/// use koogallery::postgres::Database;
///
/// # async fn example() -> Result<(), koogallery::postgres::DatabaseError> {
/// let database = Database::connect("postgres://shop:secret@127.0.0.1/shop").await?;
/// let usage = PostgresUsageStore::new(&database).await?;
/// let packages = PostgresPackageStore::new(&usage).await?;
/// let book = PackageBook::new(Meter::new(usage), packages);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresPackageStore {
    database: Database,
    together: Batches<Changes>,
}

/// Amounts are whole numbers of ten-thousandths. No package can be overdrawn, whatever a program does.
const TABLES: &str = r#"CREATE TABLE IF NOT EXISTS koogallery_package (
    instance_id   TEXT COLLATE "C" NOT NULL,
    package       TEXT COLLATE "C" NOT NULL,
    order_id      TEXT,
    order_line_id TEXT,
    bought_quota  BIGINT NOT NULL,
    valid_from    BIGINT NOT NULL,
    bought_until  BIGINT NOT NULL,
    quota         BIGINT NOT NULL,
    valid_until   BIGINT NOT NULL,
    used          BIGINT NOT NULL CHECK (used >= 0),
    reserved      BIGINT NOT NULL CHECK (reserved >= 0),
    state         TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'frozen', 'ended')),
    PRIMARY KEY (instance_id, package),
    CHECK (used + reserved <= quota)
);
CREATE INDEX IF NOT EXISTS koogallery_package_package ON koogallery_package (package, instance_id);
CREATE TABLE IF NOT EXISTS koogallery_reservation (
    instance_id TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    package     TEXT,
    amount      BIGINT NOT NULL,
    parts       TEXT NOT NULL,
    used_at     BIGINT NOT NULL,
    ends_at     BIGINT NOT NULL,
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'committed', 'canceled', 'over')),
    settled_at  BIGINT,
    PRIMARY KEY (instance_id, id)
);
CREATE INDEX IF NOT EXISTS koogallery_reservation_open ON koogallery_reservation (instance_id, ends_at)
    WHERE state = 'open';
CREATE INDEX IF NOT EXISTS koogallery_reservation_settled ON koogallery_reservation (instance_id, settled_at)
    WHERE state <> 'open';
"#;

impl PostgresPackageStore {
    /// Returns the tables that [`PostgresPackageStore::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::postgres("package", "koogallery_package", &[TABLES])
    }

    /// Opens the store in the database of the usage store, creating its tables if there are none, or updating those of an
    /// earlier version.
    ///
    /// # Errors
    ///
    /// The tables cannot be created, or are of a newer version.
    pub async fn new(usage: &PostgresUsageStore) -> Result<Self, DatabaseError> {
        let database = usage.database.clone();
        database.migrate(&Self::schema()).await?;
        let together = Batches::new(Changes::new(&database));
        Ok(Self { database, together })
    }

    /// Records usage and deducts it from packages in a transaction of the seller's own (`READ COMMITTED`) on the same database, so that both count if
    /// and only if that commits. The deduction comes from [`PackageBook::deduction`](super::PackageBook::deduction); after the
    /// commit, give the outcome to [`PackageBook::committed`](super::PackageBook::committed).
    ///
    /// Until the transaction ends, other recordings for the instance wait. So record last, and in a transaction for several
    /// instances in the order of their ids.
    ///
    /// # Errors
    ///
    /// The database failed. In the inner result: the usage is refused, as by
    /// [`PackageBook::record`](super::PackageBook::record), and nothing was written by this call.
    pub async fn record_in(
        transaction: &Transaction<'_>,
        deduction: &Deduction,
    ) -> Result<Result<Outcome, PackageError>, DatabaseError> {
        let (work, scope) = (Work::new(transaction.client()), deduction.scope());
        let outcome = decide(&work, scope, &deduction.decision).await?;
        if let Ok(Outcome { recorded: Recorded::First, change, .. }) = &outcome {
            write(&work, scope, change).await?;
        }
        Ok(outcome)
    }
}

impl fmt::Debug for PostgresPackageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresPackageStore").field("database", &self.database).finish_non_exhaustive()
    }
}

impl PackageStore for PostgresPackageStore {
    fn change<'a>(&'a self, scope: Scope<'a>, decision: Decision) -> BoxFuture<'a, Result<Outcome, PackageError>> {
        async move {
            let ends = self.database.ends();
            // What is not known to have failed is done again alone, which a usage id makes harmless.
            if scope.usage_id.is_some() {
                let asked = Asked::new(scope, decision.clone());
                if asked.is_shareable()
                    && let Some(outcome) = self.together.ask(asked, ends).await
                {
                    return outcome;
                }
            }
            // Boxed, since it is large, and most callers never need it.
            let changed =
                self.database.run_until(ends, async |work| change(work, scope, &decision).await).boxed().await;
            changed.map_err(MeteringError::store)?
        }
        .boxed()
    }

    fn covered<'a>(&'a self, package_instance_id: &'a str) -> BoxFuture<'a, Result<Vec<String>, MeteringError>> {
        async move {
            let rows = self.database.rows(&shared(COVERED), &[text(&package_instance_id)]).await;
            let ids = rows.and_then(|rows| rows.iter().map(|row| row.text("instance_id")).collect());
            ids.map_err(MeteringError::store)
        }
        .boxed()
    }

    fn status(&self, now: Timestamp) -> BoxFuture<'_, Result<PackageStatus, MeteringError>> {
        async move {
            let status = shared(&status("BIGINT")).replace("$2", CLOCK);
            let rows = self.database.rows(&status, &[int(&now.as_unix_millis())]).await;
            let figures = rows.and_then(|rows| rows.first().map(read_status).transpose());
            Ok(figures.map_err(MeteringError::store)?.unwrap_or_default())
        }
        .boxed()
    }
}

async fn change(
    work: &Work<'_>,
    scope: Scope<'_>,
    decision: &Decision,
) -> Result<Result<Outcome, PackageError>, DatabaseError> {
    let outcome = decide(work, scope, decision).await?;
    if let Ok(Outcome { recorded: Recorded::First, change, .. }) = &outcome {
        work.last(write(work, scope, change)).await?;
    }
    Ok(outcome)
}

/// Decides what is to be written, and records the usage. A change that is refused, or whose usage is repeated, has written
/// nothing by then, so that the transaction may be committed.
async fn decide(
    work: &Work<'_>,
    scope: Scope<'_>,
    decision: &Decision,
) -> Result<Result<Outcome, PackageError>, DatabaseError> {
    // The lock of the instance's usage, so that there is one order of locks. What is read is read after the wait for it.
    let instances = [scope.instance_id].into();
    let ((), shelf) = try_join(lock(work, &instances), read(work, scope)).await?;
    let change = match decision.make(&shelf) {
        Ok(change) => change,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Some((first, others)) = change.entries.split_first() {
        if record(work, &[first]).await? == [Recorded::Repeated] {
            return Ok(Ok(Outcome::new(shelf, change, Recorded::Repeated)));
        }
        if !others.is_empty() {
            record(work, &others.iter().collect::<Vec<&Entry>>()).await?;
        }
    }
    Ok(Ok(Outcome::new(shelf, change, Recorded::First)))
}

async fn write(work: &Work<'_>, scope: Scope<'_>, change: &Change) -> Result<(), DatabaseError> {
    // One by one, since a change may replace something twice.
    let packages = change.packages.iter().map(|stored| put_packages(work, vec![package_cells(stored)]));
    let reservations = change.reservations.iter().map(|stored| put_reservations(work, vec![reservation_cells(stored)]));
    let forget = async {
        let Some(before) = change.forget_before else { return Ok(()) };
        let forget = "DELETE FROM koogallery_reservation WHERE ctid = ANY (ARRAY(SELECT ctid \
                      FROM koogallery_reservation WHERE instance_id = $1 AND state <> 'open' AND settled_at < $2 \
                      ORDER BY settled_at LIMIT $3))";
        let before = before.as_unix_millis();
        work.execute(forget, &[text(&scope.instance_id), int(&before), int(&AT_ONCE)]).await.map(drop)
    };
    try_join3(try_join_all(packages), try_join_all(reservations), forget).await.map(drop)
}

async fn read(work: &Work<'_>, scope: Scope<'_>) -> Result<Shelf, DatabaseError> {
    let Scope { instance_id, everything, .. } = scope;
    let clock = format!("SELECT {CLOCK} AS clock");
    let package = scope.package_instance_id.unwrap_or_default();
    let package_parameters = [text(&instance_id), text(&package), flag(&everything)];
    let packages = shared(PACKAGES);
    // By the time of the statement, so that an index can be used. What is loaded too early is not over by the clock.
    let over = shared(OVER).replace(
        "ends_at <= $2",
        "ends_at <= greatest($2, floor(extract(epoch FROM statement_timestamp()) * 1000)::BIGINT)",
    );
    let until = if everything { i64::MAX } else { 0 };
    let over_parameters = [text(&instance_id), int(&until)];
    let one = async {
        let Some(id) = scope.reservation_id else { return Ok(None) };
        work.query_opt(&shared(ONE), &[text(&instance_id), text(&id)]).await
    };
    let recorded = async {
        let Some(usage_id) = scope.usage_id else { return Ok(None) };
        work.query_opt(&shared(RECORDED), &[text(&usage_id)]).await
    };
    let (packages, over, (one, recorded), clock) = try_join4(
        work.query(&packages, &package_parameters),
        work.query(&over, &over_parameters),
        try_join(one, recorded),
        work.query(&clock, &[]),
    )
    .await?;
    let clock = clock.first().map_or(Ok(scope.now), |row| row.time("clock"))?;
    let mut shelf = Shelf::new(clock);
    shelf.is_recorded = recorded.is_some();
    shelf.packages = packages.iter().map(|row| read_package(row).map(Arc::new)).collect::<Result<_, _>>()?;
    shelf.reservations = over.iter().map(read_reservation).collect::<Result<_, _>>()?;
    let one = one.as_ref().map(read_reservation).transpose()?;
    let one = one.filter(|one| !shelf.reservations.iter().any(|known| known.id == one.id));
    shelf.reservations.extend(one);
    Ok(shelf)
}

const ROWS: fn(&str) -> String = |places| format!("SELECT * FROM unnest({places})");
const NEW: fn(&str) -> String = |column| format!("excluded.{column}");

/// Inserts or replaces packages, each once.
async fn put_packages(work: &Work<'_>, rows: Vec<Vec<Cell>>) -> Result<(), DatabaseError> {
    put(work, &put_package(ROWS, "ON CONFLICT (instance_id, package) DO UPDATE SET", NEW), rows).await
}

/// As [`put_packages`], for reservations.
async fn put_reservations(work: &Work<'_>, rows: Vec<Vec<Cell>>) -> Result<(), DatabaseError> {
    put(work, &put_reservation(ROWS, "ON CONFLICT (instance_id, id) DO UPDATE SET", NEW), rows).await
}

/// Runs a statement for rows of values, whose columns are its parameters.
async fn put(work: &Work<'_>, statement: &str, rows: Vec<Vec<Cell>>) -> Result<(), DatabaseError> {
    let Some(first) = rows.first() else { return Ok(()) };
    let column = |place: usize| rows.iter().filter_map(move |row| row.get(place));
    let as_texts: Vec<Vec<Option<&str>>> =
        (0..first.len()).map(|place| column(place).map(Cell::as_text).collect()).collect();
    let as_ints: Vec<Vec<Option<i64>>> =
        (0..first.len()).map(|place| column(place).map(Cell::as_int).collect()).collect();
    let typed = first.iter().zip(as_texts.iter().zip(&as_ints));
    let parameters: Vec<_> = typed
        .map(|(cell, (as_texts, as_ints))| match cell {
            Cell::Text(_) | Cell::TextOrNull(_) => texts(as_texts),
            Cell::Int(_) | Cell::IntOrNull(_) => ints(as_ints),
        })
        .collect();
    work.execute(&shared(statement), &parameters).await.map(drop)
}
