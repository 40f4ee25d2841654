//! The package store in MySQL or MariaDB.

mod together;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::group::Asked;
use super::row::{
    COVERED, Cell, ONE, OVER, PACKAGES, RECORDED, package_cells, put_package, put_reservation, read_package,
    read_reservation, read_status, reservation_cells, status,
};
use super::{Change, Decision, Deduction, Outcome, PackageError, PackageStatus, PackageStore, Scope, Shelf};
use super::{StoredPackage, StoredReservation};
use crate::batch::Batches;
use crate::columns::Columns as _;
use crate::metering::mysql::{lock_instances, record};
use crate::metering::row::AT_ONCE;
use crate::metering::{Entry, MeteringError, MysqlUsageStore, Recorded};
use crate::mysql::mysql_async::{Transaction, Value};
use crate::mysql::{Database, DatabaseError, Own, Schema, Session, Work, clock, id, values};
use crate::timestamp::Timestamp;

use together::Changes;

/// A package store for any number of replicas, in tables of its own (`koogallery_package`, `_reservation`), in the
/// database of a usage store. Leases end by the clock of the server.
///
/// Recordings with a usage id of one process that wait for the database at the same time share one commit. Where it is not
/// known whether that was made, they are made again one by one, and those that it had are answered as repeated.
///
/// ```no_run
/// use koogallery::metering::package::{MysqlPackageStore, PackageBook};
/// use koogallery::metering::{Meter, MysqlUsageStore};
/// use koogallery::mysql::Database;
///
/// # async fn example() -> Result<(), koogallery::mysql::DatabaseError> {
/// let usage = MysqlUsageStore::new(&Database::connect("mysql://shop:secret@127.0.0.1/shop").await?).await?;
/// let packages = MysqlPackageStore::new(&usage).await?;
/// let book = PackageBook::new(Meter::new(usage), packages);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MysqlPackageStore {
    database: Database,
    together: Batches<Changes>,
}

/// Amounts are whole numbers of ten-thousandths. No package can be overdrawn, whatever a program does.
const TABLES: &str = "CREATE TABLE IF NOT EXISTS koogallery_package (
    instance_id   VARBINARY(512) NOT NULL,
    package       VARBINARY(512) NOT NULL,
    order_id      VARBINARY(512),
    order_line_id VARBINARY(512),
    bought_quota  BIGINT NOT NULL,
    valid_from    BIGINT NOT NULL,
    bought_until  BIGINT NOT NULL,
    quota         BIGINT NOT NULL,
    valid_until   BIGINT NOT NULL,
    used          BIGINT NOT NULL CHECK (used >= 0),
    reserved      BIGINT NOT NULL CHECK (reserved >= 0),
    state         VARBINARY(16) NOT NULL CHECK (state IN ('active', 'frozen', 'ended')),
    PRIMARY KEY (instance_id, package),
    KEY koogallery_package_package (package, instance_id),
    CONSTRAINT koogallery_package_quota CHECK (used + reserved <= quota)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
CREATE TABLE IF NOT EXISTS koogallery_reservation (
    instance_id VARBINARY(512) NOT NULL,
    id          VARBINARY(512) NOT NULL,
    package     VARBINARY(512),
    amount      BIGINT NOT NULL,
    parts       LONGTEXT NOT NULL,
    used_at     BIGINT NOT NULL,
    ends_at     BIGINT NOT NULL,
    state       VARBINARY(16) NOT NULL CHECK (state IN ('open', 'committed', 'canceled', 'over')),
    settled_at  BIGINT,
    PRIMARY KEY (instance_id, id),
    KEY koogallery_reservation_open (instance_id, state, ends_at),
    KEY koogallery_reservation_settled (instance_id, settled_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4;
";

impl MysqlPackageStore {
    /// Returns the tables that [`MysqlPackageStore::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::mysql("package", "koogallery_reservation", &[TABLES])
    }

    /// Opens the store in the database of the usage store, creating its tables if there are none, or updating those of an
    /// earlier version.
    ///
    /// # Errors
    ///
    /// The tables cannot be created, or are of a newer version.
    pub async fn new(usage: &MysqlUsageStore) -> Result<Self, DatabaseError> {
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
        transaction: &mut Transaction<'_>,
        deduction: &Deduction,
    ) -> Result<Result<Outcome, PackageError>, DatabaseError> {
        change(&Own::new(transaction), deduction.scope(), &deduction.decision).await
    }
}

impl fmt::Debug for MysqlPackageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlPackageStore").field("database", &self.database).finish_non_exhaustive()
    }
}

impl PackageStore for MysqlPackageStore {
    fn change<'a>(&'a self, scope: Scope<'a>, decision: Decision) -> BoxFuture<'a, Result<Outcome, PackageError>> {
        async move {
            let ends = self.database.ends();
            // What is not known to have failed is done again alone, which a usage id makes harmless.
            if scope.usage_id.is_some_and(|usage_id| id("usage_id", usage_id).is_ok()) {
                let asked = Asked::new(scope, decision.clone());
                if asked.is_shareable()
                    && let Some(outcome) = self.together.ask(asked, ends).await
                {
                    return outcome;
                }
            }
            let decision = &decision;
            let change = |work: Work| async move { change(&work, scope, decision).await };
            // Boxed, since it is large, and most callers never need it.
            let changed = self.database.run_until(ends, change).boxed().await;
            changed.map_err(MeteringError::store)?
        }
        .boxed()
    }

    fn covered<'a>(&'a self, package_instance_id: &'a str) -> BoxFuture<'a, Result<Vec<String>, MeteringError>> {
        let covered = move |work: Work| async move {
            let rows = work.query(COVERED, &[id("package", package_instance_id)?]).await?;
            rows.iter().map(|row| row.text("instance_id")).collect::<Result<Vec<_>, DatabaseError>>()
        };
        async move { self.database.run(covered).await.map_err(MeteringError::store) }.boxed()
    }

    fn status(&self, now: Timestamp) -> BoxFuture<'_, Result<PackageStatus, MeteringError>> {
        let figures = move |work: Work| async move {
            let clock = clock(&work).await?;
            let row = work.query_opt(&status("SIGNED"), &values![now.as_unix_millis(), clock]).await?;
            Ok::<_, DatabaseError>(row.as_ref().map(read_status).transpose()?.unwrap_or_default())
        };
        async move { self.database.run(figures).await.map_err(MeteringError::store) }.boxed()
    }
}

/// A change that is refused, or whose usage is repeated, has written nothing by then, so that the transaction may be
/// committed.
async fn change(
    work: &impl Session,
    scope: Scope<'_>,
    decision: &Decision,
) -> Result<Result<Outcome, PackageError>, DatabaseError> {
    // The lock of the instance's usage, so that there is one order of locks.
    lock_instances(work, &[scope.instance_id].into()).await?;
    let shelf = read(work, scope).await?;
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
    write(work, scope, &change).await?;
    Ok(Ok(Outcome::new(shelf, change, Recorded::First)))
}

async fn write(work: &impl Session, scope: Scope<'_>, change: &Change) -> Result<(), DatabaseError> {
    put(work, change.packages.iter().map(|stored| &**stored), &change.reservations).await?;
    if let Some(before) = change.forget_before {
        let forget = "DELETE FROM koogallery_reservation WHERE instance_id = ?1 AND state <> 'open' \
                      AND settled_at < ?2 ORDER BY settled_at LIMIT ?3";
        work.execute(forget, &values![scope.instance_id, before.as_unix_millis(), AT_ONCE]).await?;
    }
    Ok(())
}

/// Inserts or replaces packages and reservations.
async fn put<'a>(
    work: &impl Session,
    packages: impl IntoIterator<Item = &'a StoredPackage>,
    reservations: impl IntoIterator<Item = &'a StoredReservation>,
) -> Result<(), DatabaseError> {
    const REPLACE: &str = "ON DUPLICATE KEY UPDATE";
    let new: fn(&str) -> String = |column| format!("VALUES({column})");
    let packages: Vec<_> = packages.into_iter().map(|stored| bound(package_cells(stored))).collect();
    let put = |rows: &str| put_package(|_| format!("VALUES {rows}"), REPLACE, new);
    work.execute_rows(put, &[], &packages).await?;
    let reservations: Vec<_> = reservations.into_iter().map(|stored| bound(reservation_cells(stored))).collect();
    let put = |rows: &str| put_reservation(|_| format!("VALUES {rows}"), REPLACE, new);
    work.execute_rows(put, &[], &reservations).await.map(drop)
}

async fn read(work: &impl Session, scope: Scope<'_>) -> Result<Shelf, DatabaseError> {
    let instance_id = id("instance_id", scope.instance_id)?;
    // After the wait for the lock.
    let clock = clock(work).await?;
    let mut shelf = Shelf::new(Timestamp::from_unix_millis(clock));
    let package = id("package", scope.package_instance_id.unwrap_or_default())?;
    let packages = work.query(PACKAGES, &[instance_id.clone(), package, scope.everything.into()]).await?;
    shelf.packages = packages.iter().map(|row| read_package(row).map(Arc::new)).collect::<Result<_, _>>()?;
    let until = if scope.everything { i64::MAX } else { clock };
    let over = work.query(OVER, &[instance_id.clone(), until.into()]).await?;
    shelf.reservations = over.iter().map(read_reservation).collect::<Result<_, _>>()?;
    if let Some(known) = scope.reservation_id.filter(|id| !shelf.reservations.iter().any(|known| known.id == *id)) {
        let one = work.query_opt(ONE, &[instance_id, id("id", known)?]).await?;
        shelf.reservations.extend(one.as_ref().map(read_reservation).transpose()?);
    }
    if let Some(usage_id) = scope.usage_id {
        shelf.is_recorded = work.query_opt(RECORDED, &[id("usage_id", usage_id)?]).await?.is_some();
    }
    Ok(shelf)
}

fn bound(cells: Vec<Cell>) -> Vec<Value> {
    let value = |cell| match cell {
        Cell::Text(value) => Value::from(value),
        Cell::TextOrNull(value) => Value::from(value),
        Cell::Int(value) => Value::from(value),
        Cell::IntOrNull(value) => Value::from(value),
    };
    cells.into_iter().map(value).collect()
}
