//! The package store in SQLite.

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rusqlite::types::ToSqlOutput;
use rusqlite::{OptionalExtension as _, ToSql, Transaction, params, params_from_iter};

use super::row::{
    COVERED, Cell, ONE, OVER, PACKAGES, RECORDED, package_cells, put_package, put_reservation, read_package,
    read_reservation, read_status, reservation_cells, status,
};
use super::{Decision, Deduction, Outcome, PackageError, PackageStatus, PackageStore, Scope, Shelf, StoredReservation};
use crate::metering::row::AT_ONCE;
use crate::metering::{MeteringError, Recorded, SqliteUsageStore};
use crate::sqlite::{Database, DatabaseError};
use crate::timestamp::Timestamp;

/// A package store in tables of its own (`koogallery_package`, `_reservation`), in the file of a usage store.
///
/// Several processes may use the same file. Leases end by the clock of the caller.
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
        change(transaction, &Asked::from(deduction.scope()), &deduction.decision)
    }
}

impl fmt::Debug for SqlitePackageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlitePackageStore").field("database", &self.database).finish_non_exhaustive()
    }
}

impl PackageStore for SqlitePackageStore {
    fn change<'a>(&'a self, scope: Scope<'a>, decision: Decision) -> BoxFuture<'a, Result<Outcome, PackageError>> {
        let asked = Asked::from(scope);
        // A refusal is no failure of the database: it writes nothing, and changes nothing for those that share the commit.
        let change = self.database.run(MeteringError::store, move |transaction| change(transaction, &asked, &decision));
        async move { change.await? }.boxed()
    }

    fn covered<'a>(&'a self, package_instance_id: &'a str) -> BoxFuture<'a, Result<Vec<String>, MeteringError>> {
        let package = package_instance_id.to_owned();
        self.database.run(MeteringError::store, move |transaction| {
            transaction.prepare_cached(COVERED)?.query_map([package], |row| row.get(0))?.collect()
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

/// A scope that goes to the thread of the database.
struct Asked {
    instance_id: String,
    now: Timestamp,
    package: String,
    reservation: Option<String>,
    usage: Option<String>,
    everything: bool,
}

impl From<Scope<'_>> for Asked {
    fn from(scope: Scope<'_>) -> Self {
        Self {
            instance_id: scope.instance_id.to_owned(),
            now: scope.now,
            package: scope.package_instance_id.unwrap_or_default().to_owned(),
            reservation: scope.reservation_id.map(str::to_owned),
            usage: scope.usage_id.map(str::to_owned),
            everything: scope.everything,
        }
    }
}

fn change(
    transaction: &Transaction<'_>,
    asked: &Asked,
    decision: &Decision,
) -> rusqlite::Result<Result<Outcome, PackageError>> {
    let shelf = read(transaction, asked)?;
    let change = match decision.make(&shelf) {
        Ok(change) => change,
        Err(refused) => return Ok(Err(refused)),
    };
    for (index, entry) in change.entries.iter().enumerate() {
        if SqliteUsageStore::record_in(transaction, entry)? == Recorded::Repeated && index == 0 {
            return Ok(Ok(Outcome::new(shelf, change, Recorded::Repeated)));
        }
    }
    let new: fn(&str) -> String = |column| format!("excluded.{column}");
    if !change.packages.is_empty() {
        let sql = put_package("ON CONFLICT (instance_id, package) DO UPDATE SET", new);
        let mut put = transaction.prepare_cached(&sql)?;
        for stored in &change.packages {
            put.execute(params_from_iter(package_cells(stored)))?;
        }
    }
    if !change.reservations.is_empty() {
        let sql = put_reservation("ON CONFLICT (instance_id, id) DO UPDATE SET", new);
        let mut put = transaction.prepare_cached(&sql)?;
        for stored in &change.reservations {
            put.execute(params_from_iter(reservation_cells(stored)))?;
        }
    }
    if let Some(before) = change.forget_before {
        transaction.prepare_cached(FORGET)?.execute(params![asked.instance_id, before.as_unix_millis(), AT_ONCE])?;
    }
    Ok(Ok(Outcome::new(shelf, change, Recorded::First)))
}

fn read(transaction: &Transaction<'_>, asked: &Asked) -> rusqlite::Result<Shelf> {
    let Asked { instance_id, now, package, reservation, usage, everything } = asked;
    let mut shelf = Shelf::new(*now);
    shelf.packages = transaction
        .prepare_cached(PACKAGES)?
        .query_map(params![instance_id, package, everything], |row| read_package(row))?
        .collect::<Result<_, _>>()?;
    let until = if *everything { i64::MAX } else { now.as_unix_millis() };
    shelf.reservations = transaction
        .prepare_cached(OVER)?
        .query_map(params![instance_id, until], |row| read_reservation(row))?
        .collect::<Result<Vec<StoredReservation>, _>>()?;
    if let Some(id) = reservation.as_ref().filter(|id| !shelf.reservations.iter().any(|known| known.id == **id)) {
        let one = transaction
            .prepare_cached(ONE)?
            .query_row(params![instance_id, id], |row| read_reservation(row))
            .optional()?;
        shelf.reservations.extend(one);
    }
    if let Some(usage_id) = usage {
        shelf.is_recorded = transaction.prepare_cached(RECORDED)?.exists([usage_id])?;
    }
    Ok(shelf)
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
