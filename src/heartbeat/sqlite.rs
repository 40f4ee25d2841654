//! State in SQLite.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rusqlite::{OptionalExtension as _, params};

use super::{StateError, StateStore};
use crate::sqlite::{Database, DatabaseError};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS koogallery_license_state (
    key   TEXT PRIMARY KEY,
    state BLOB NOT NULL
) WITHOUT ROWID;
";

/// Keeps state in a table of its own (`koogallery_license_state`), for a server that asks on behalf of many Licenses.
#[derive(Clone, Debug)]
pub struct SqliteStateStore {
    database: Database,
}

impl SqliteStateStore {
    /// Takes the database, making the table if it is not there.
    ///
    /// # Errors
    ///
    /// The table cannot be made.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.transaction(|transaction| transaction.execute_batch(SCHEMA)).await?;
        Ok(Self { database: database.clone() })
    }
}

impl StateStore for SqliteStateStore {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>> {
        let key = key.to_owned();
        let load = self.database.transaction(move |transaction| {
            transaction
                .query_row("SELECT state FROM koogallery_license_state WHERE key = ?1", [key], |row| row.get(0))
                .optional()
        });
        async move { load.await.map_err(state_error) }.boxed()
    }

    fn save<'a>(&'a self, key: &'a str, state: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>> {
        let key = key.to_owned();
        let save = self.database.transaction(move |transaction| {
            transaction
                .execute("INSERT OR REPLACE INTO koogallery_license_state VALUES (?1, ?2)", params![key, state])
                .map(|_| ())
        });
        async move { save.await.map_err(state_error) }.boxed()
    }
}

fn state_error(error: DatabaseError) -> StateError {
    StateError::Store(Arc::new(error))
}
