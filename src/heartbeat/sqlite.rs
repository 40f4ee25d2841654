//! State in SQLite.

use futures_util::future::BoxFuture;
use rusqlite::{OptionalExtension as _, params};

use super::{StateError, StateStore};
use crate::sqlite::{Database, DatabaseError};

/// A store in a table of its own (`koogallery_license_state`), for a server that asks on behalf of many Licenses.
#[derive(Clone, Debug)]
pub struct SqliteStateStore {
    database: Database,
}

impl SqliteStateStore {
    /// The statements that [`SqliteStateStore::new`] runs, for applications that manage their schema themselves.
    pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS koogallery_license_state (
    key   TEXT PRIMARY KEY,
    state BLOB NOT NULL
) WITHOUT ROWID;
";

    /// Opens the store, creating its table if there is none.
    ///
    /// # Errors
    ///
    /// The table cannot be created.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.transaction(|transaction| transaction.execute_batch(Self::SCHEMA)).await?;
        Ok(Self { database: database.clone() })
    }
}

impl StateStore for SqliteStateStore {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>> {
        let key = key.to_owned();
        self.database.run(StateError::store, move |transaction| {
            transaction
                .query_row("SELECT state FROM koogallery_license_state WHERE key = ?1", [&key], |row| row.get(0))
                .optional()
        })
    }

    fn save<'a>(&'a self, key: &'a str, state: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>> {
        let key = key.to_owned();
        self.database.run(StateError::store, move |transaction| {
            transaction
                .execute("INSERT OR REPLACE INTO koogallery_license_state VALUES (?1, ?2)", params![key, state])
                .map(|_| ())
        })
    }
}
