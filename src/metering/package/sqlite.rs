//! The package store in SQLite.

mod together;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rusqlite::types::ToSqlOutput;
use rusqlite::{OptionalExtension as _, ToSql, Transaction, params, params_from_iter};

use super::group::Asked;
use super::row::{
    COVERED, Cell, ONE, OVER, PACKAGES, RECORDED, package_cells, put_package, put_reservation, read_package,
    read_reservation, read_status, reservation_cells, status,
};
use super::{
    Decision, Deduction, Outcome, PackageError, PackageStatus, PackageStore, Scope, Shelf, StoredPackage,
    StoredReservation,
};
use crate::columns::InOrder;
use crate::metering::row::AT_ONCE;
use crate::metering::{MeteringError, Recorded, SqliteUsageStore};
use crate::sqlite::{Database, DatabaseError};
use crate::timestamp::Timestamp;

/// A package store in tables of its own (`koogallery_package`, `_reservation`), in the file of a usage store.
///
/// Several processes may use the same file. Leases end by the clock of the caller. Recordings that wait at the same time share
/// one commit, and what they read and write of an instance.
///
/// ```no_run
/// use koogallery::metering::package::{PackageBook, SqlitePackageStore};
/// use koogallery::metering::{Meter, SqliteUsageStore};
/// use koogallery::sqlite::Database;
///
/// # async fn example() -> Result<(), koogallery::sqlite::DatabaseError> {
/// let usage = SqliteUsageStore::new(&Database::open("koogallery.db")?).await?;
/// let packages = SqlitePackageStore::new(&usage).await?;
/// let book = PackageBook::new(Meter::new(usage), packages);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlitePackageStore {
    database: Database,
}

impl SqlitePackageStore {
    /// The statements that [`SqlitePackageStore::new`] runs, for applications that manage their schema themselves.
    ///
    /// Amounts are whole numbers of ten-thousandths. No package can be overdrawn, whatever a program does. States are compared
    /// one by one, since SQLite would build a table in memory for a list at every write.
    pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS koogallery_package (
    instance_id   TEXT NOT NULL,
    package       TEXT NOT NULL,
    order_id      TEXT,
    order_line_id TEXT,
    bought_quota  INTEGER NOT NULL,
    valid_from    INTEGER NOT NULL,
    bought_until  INTEGER NOT NULL,
    quota         INTEGER NOT NULL,
    valid_until   INTEGER NOT NULL,
    used          INTEGER NOT NULL CHECK (typeof(used) = 'integer' AND used >= 0),
    reserved      INTEGER NOT NULL CHECK (typeof(reserved) = 'integer' AND reserved >= 0),
    state         TEXT NOT NULL CHECK (state = 'active' OR state = 'frozen' OR state = 'ended'),
    PRIMARY KEY (instance_id, package),
    CHECK (used + reserved <= quota)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS koogallery_package_package ON koogallery_package (package, instance_id);
CREATE TABLE IF NOT EXISTS koogallery_reservation (
    instance_id TEXT NOT NULL,
    id          TEXT NOT NULL,
    package     TEXT,
    amount      INTEGER NOT NULL,
    parts       TEXT NOT NULL,
    used_at     INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state = 'open' OR state = 'committed' OR state = 'canceled' OR state = 'over'),
    settled_at  INTEGER,
    PRIMARY KEY (instance_id, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS koogallery_reservation_open ON koogallery_reservation (instance_id, ends_at)
    WHERE state = 'open';
CREATE INDEX IF NOT EXISTS koogallery_reservation_settled ON koogallery_reservation (instance_id, settled_at)
    WHERE state <> 'open';
";

    /// Opens the store in the file of the usage store, creating its tables if there are none.
    ///
    /// # Errors
    ///
    /// The tables cannot be created.
    pub async fn new(usage: &SqliteUsageStore) -> Result<Self, DatabaseError> {
        let database = usage.database.clone();
        database.transaction(|transaction| transaction.execute_batch(Self::SCHEMA)).await?;
        Ok(Self { database })
    }

    /// Records usage and deducts it from packages in a transaction of the seller's own on the same file, so that both count if
    /// and only if that commits. The deduction comes from [`PackageBook::deduction`](super::PackageBook::deduction); after the
    /// commit, give the outcome to [`PackageBook::committed`](super::PackageBook::committed).
    ///
    /// # Errors
    ///
    /// The database failed. In the inner result: the usage is refused, as by
    /// [`PackageBook::record`](super::PackageBook::record), and nothing was written by this call.
    pub fn record_in(
        transaction: &Transaction<'_>,
        deduction: &Deduction,
    ) -> rusqlite::Result<Result<Outcome, PackageError>> {
        change(transaction, deduction.scope(), &deduction.decision)
    }
}

impl fmt::Debug for SqlitePackageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlitePackageStore").field("database", &self.database).finish_non_exhaustive()
    }
}

impl PackageStore for SqlitePackageStore {
    fn change<'a>(&'a self, scope: Scope<'a>, decision: Decision) -> BoxFuture<'a, Result<Outcome, PackageError>> {
        let change = self.database.run_together(MeteringError::store, Asked::new(scope, decision));
        async move { change.await? }.boxed()
    }

    fn covered<'a>(&'a self, package_instance_id: &'a str) -> BoxFuture<'a, Result<Vec<String>, MeteringError>> {
        let package = package_instance_id.to_owned();
        self.database.run(MeteringError::store, move |transaction| {
            transaction.prepare_cached(COVERED)?.query_map([&package], |row| row.get(0))?.collect()
        })
    }

    fn status(&self, now: Timestamp) -> BoxFuture<'_, Result<PackageStatus, MeteringError>> {
        let now = now.as_unix_millis();
        self.database.run(MeteringError::store, move |transaction| {
            transaction.prepare_cached(&status("INTEGER"))?.query_row([now, now], |row| read_status(row))
        })
    }
}

/// Parameters: instance, time, limit.
const FORGET: &str = "DELETE FROM koogallery_reservation WHERE instance_id = ?1 AND id IN (SELECT id \
    FROM koogallery_reservation WHERE instance_id = ?1 AND state <> 'open' AND settled_at < ?2 LIMIT ?3)";

fn change(
    transaction: &Transaction<'_>,
    scope: Scope<'_>,
    decision: &Decision,
) -> rusqlite::Result<Result<Outcome, PackageError>> {
    let shelf = read(transaction, scope)?;
    let change = match decision.make(&shelf) {
        Ok(change) => change,
        Err(refused) => return Ok(Err(refused)),
    };
    for (index, entry) in change.entries.iter().enumerate() {
        if SqliteUsageStore::record_in(transaction, entry)? == Recorded::Repeated && index == 0 {
            return Ok(Ok(Outcome::new(shelf, change, Recorded::Repeated)));
        }
    }
    put_packages(transaction, &change.packages)?;
    put_reservations(transaction, &change.reservations)?;
    if let Some(before) = change.forget_before {
        transaction.prepare_cached(FORGET)?.execute(params![scope.instance_id, before.as_unix_millis(), AT_ONCE])?;
    }
    Ok(Ok(Outcome::new(shelf, change, Recorded::First)))
}

const ROW: fn(&str) -> String = |places| format!("VALUES ({places})");
const NEW: fn(&str) -> String = |column| format!("excluded.{column}");

fn put_packages<'a>(
    transaction: &Transaction<'_>,
    packages: impl IntoIterator<Item = &'a Arc<StoredPackage>>,
) -> rusqlite::Result<()> {
    let put = || put_package(ROW, "ON CONFLICT (instance_id, package) DO UPDATE SET", NEW);
    put_all(transaction, put, packages.into_iter().map(|stored| package_cells(stored)))
}

fn put_reservations<'a>(
    transaction: &Transaction<'_>,
    reservations: impl IntoIterator<Item = &'a StoredReservation>,
) -> rusqlite::Result<()> {
    let put = || put_reservation(ROW, "ON CONFLICT (instance_id, id) DO UPDATE SET", NEW);
    put_all(transaction, put, reservations.into_iter().map(reservation_cells))
}

fn put_all(
    transaction: &Transaction<'_>,
    put: impl Fn() -> String,
    rows: impl Iterator<Item = Vec<Cell>>,
) -> rusqlite::Result<()> {
    let mut rows = rows.peekable();
    if rows.peek().is_some() {
        let mut put = transaction.prepare_cached(&put())?;
        for cells in rows {
            put.execute(params_from_iter(cells))?;
        }
    }
    Ok(())
}

fn read(transaction: &Transaction<'_>, scope: Scope<'_>) -> rusqlite::Result<Shelf> {
    let Scope { instance_id, now, everything, .. } = scope;
    let mut shelf = Shelf::new(now);
    shelf.packages = packages_of(transaction, instance_id, scope.package_instance_id, everything)?;
    shelf.reservations = over(transaction, instance_id, if everything { i64::MAX } else { now.as_unix_millis() })?;
    if let Some(id) = scope.reservation_id.filter(|id| !shelf.reservations.iter().any(|known| known.id == *id)) {
        let one = transaction
            .prepare_cached(ONE)?
            .query_row(params![instance_id, id], |row| read_reservation(row))
            .optional()?;
        shelf.reservations.extend(one);
    }
    if let Some(usage_id) = scope.usage_id {
        shelf.is_recorded = transaction.prepare_cached(RECORDED)?.exists([usage_id])?;
    }
    Ok(shelf)
}

fn packages_of(
    transaction: &Transaction<'_>,
    instance_id: &str,
    named: Option<&str>,
    everything: bool,
) -> rusqlite::Result<Vec<Arc<StoredPackage>>> {
    transaction
        .prepare_cached(PACKAGES)?
        .query_map(params![instance_id, named.unwrap_or_default(), everything], |row| {
            read_package(&InOrder::new(row)).map(Arc::new)
        })?
        .collect()
}

/// Reads the open reservations that are over at a time, in milliseconds.
fn over(transaction: &Transaction<'_>, instance_id: &str, until: i64) -> rusqlite::Result<Vec<StoredReservation>> {
    transaction.prepare_cached(OVER)?.query_map(params![instance_id, until], |row| read_reservation(row))?.collect()
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Text(text) => text.as_str().into(),
            Self::TextOrNull(text) => text.to_sql()?,
            Self::Int(number) => (*number).into(),
            Self::IntOrNull(number) => number.to_sql()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::row::{ADD, CLOSED_UNTIL};
    use crate::metering::sqlite::{ADD_TO_TOTAL, RENEWAL};
    use crate::metering::totals::TOTALS;

    #[test]
    fn every_statement_about_packages_and_totals_uses_an_index() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(SqliteUsageStore::SCHEMA).unwrap();
        connection.execute_batch(SqlitePackageStore::SCHEMA).unwrap();
        let plan = |sql: &str| -> Vec<String> {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let mut rows = statement.raw_query();
            std::iter::from_fn(|| rows.next().unwrap().map(|row| row.get(3).unwrap())).collect()
        };
        for sql in [PACKAGES, OVER, ONE, RECORDED, COVERED, FORGET, TOTALS, RENEWAL, ADD_TO_TOTAL, ADD, CLOSED_UNTIL] {
            let plan = plan(sql);
            assert!(plan.iter().all(|step| !step.starts_with("SCAN")), "{sql}: {plan:?}");
        }
        // That of the figures of all packages reads them all, but for the open reservations.
        let plan = plan(&status("INTEGER"));
        assert!(plan.iter().any(|step| step.contains("SCAN koogallery_package")), "a scan is seen: {plan:?}");
    }
}
