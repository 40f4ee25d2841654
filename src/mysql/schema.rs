//! Versions of the tables of stores.

use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error};
use tokio::time::timeout;

use super::error::is_missing_table;
use super::{Database, DatabaseError, Schema};
use crate::schema::{Dialect, Found};

/// Timeout of an update, including the wait for another replica that makes it.
const UPDATE: Duration = Duration::from_secs(60);

/// Waits for another replica; the name holds for the whole server. The server lets go of it with the connection, which
/// is none of the pool.
const LOCK: &str = "SELECT GET_LOCK(CONCAT('koogallery ', LEFT(SHA2(DATABASE(), 256), 32)), 50)";

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS koogallery_schema (
    store   VARBINARY(64) PRIMARY KEY,
    version BIGINT NOT NULL
) ENGINE = InnoDB;
";

static DIALECT: Dialect = Dialect {
    begin: || VERSIONS.to_owned(),
    replace_version: "ON DUPLICATE KEY UPDATE version = VALUES(version)",
    commit: "",
};

impl Schema {
    /// Returns the tables of a store, given the statements to each version. The server commits each of them by itself.
    pub(crate) fn mysql(store: impl Into<String>, table: impl Into<String>, migrations: &[&str]) -> Self {
        Self::new(&DIALECT, store, table, migrations)
    }
}

impl Database {
    /// Makes the tables of a store, or updates them.
    pub(crate) async fn migrate(&self, schema: &Schema) -> Result<(), DatabaseError> {
        // A user who finds the tables up to date needs no right to create some.
        let wanted = schema.clone();
        let found =
            self.beside(self.timeout, |mut connection| async move { find(&mut connection, &wanted).await }).await?;
        if schema.update(found)?.is_none() {
            return Ok(());
        }
        let (wanted, setup) = (schema.clone(), self.server.setup_for_tables());
        let updated =
            self.beside(UPDATE, move |mut connection| async move { update(&mut connection, &wanted, setup).await });
        match updated.await {
            // Only the record of the version is missing, and an administrator has made the tables.
            Err(DatabaseError::Denied(_)) if found.version == schema.version() => Ok(()),
            updated => updated,
        }
    }

    /// Runs statements on a connection beside the pool, in a task that is never dropped: those on tables cannot be given
    /// up.
    async fn beside<T, F>(
        &self,
        limit: Duration,
        work: impl FnOnce(Conn) -> F + Send + 'static,
    ) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DatabaseError>> + Send,
    {
        let pool = self.pool.clone();
        let task = tokio::spawn(async move { work(pool.connect().await?).await });
        match timeout(limit, task).await {
            Ok(outcome) => outcome.unwrap_or(Err(DatabaseError::Ended)),
            Err(_) => Err(DatabaseError::TimedOut(limit)),
        }
    }
}

async fn update(connection: &mut Conn, schema: &Schema, setup: &str) -> Result<(), DatabaseError> {
    connection.query_drop(setup).await?;
    let is_locked: Option<Option<i64>> = connection.query_first(LOCK).await?;
    if is_locked.flatten() != Some(1) {
        return Err(DatabaseError::TimedOut(UPDATE));
    }
    let found = find(connection, schema).await?;
    let Some(statements) = schema.update(found)? else { return Ok(()) };
    if !is_table(connection, "koogallery_schema").await? {
        connection.query_drop(VERSIONS).await?;
    }
    Ok(connection.query_drop(statements).await?)
}

async fn find(connection: &mut Conn, schema: &Schema) -> Result<Found, DatabaseError> {
    let recorded = "SELECT version FROM koogallery_schema WHERE store = ?";
    let recorded: Result<Option<i64>, Error> = connection.exec_first(recorded, (schema.store(),)).await;
    let recorded = match recorded {
        Err(error) if is_missing_table(&error) => None,
        recorded => recorded?,
    };
    if let Some(version) = recorded {
        let unreadable = |_| DatabaseError::Unreadable { table: "koogallery_schema", column: "version" };
        return Ok(Found { version: u32::try_from(version).map_err(unreadable)?, is_recorded: true });
    }
    let version = u32::from(is_table(connection, schema.table()).await?);
    Ok(Found { version, is_recorded: false })
}

async fn is_table(connection: &mut Conn, name: &str) -> Result<bool, DatabaseError> {
    let found = "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?";
    Ok(connection.exec_first::<i64, _, _>(found, (name,)).await?.is_some())
}
