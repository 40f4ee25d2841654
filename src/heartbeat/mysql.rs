//! State in MySQL or MariaDB.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{StateError, StateStore};
use crate::columns::Columns as _;
use crate::mysql::{Database, DatabaseError, Schema, Session as _, Work, id};

/// A store in a table of its own (`koogallery_license_state`), for replicas that ask on behalf of many Licenses.
///
/// ```no_run
/// use koogallery::heartbeat::MysqlStateStore;
/// use koogallery::mysql::Database;
///
/// # async fn example() -> Result<(), koogallery::mysql::DatabaseError> {
/// let database = Database::connect("mysql://shop:secret@127.0.0.1/shop").await?;
/// let store = MysqlStateStore::new(&database).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MysqlStateStore {
    database: Database,
}

const TABLES: &str = "CREATE TABLE IF NOT EXISTS koogallery_license_state (
    license VARBINARY(512) PRIMARY KEY,
    state   LONGBLOB NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
";

impl MysqlStateStore {
    /// Returns the table that [`MysqlStateStore::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::mysql("license_state", "koogallery_license_state", &[TABLES])
    }

    /// Opens the store, creating its table if there is none, or updating one of an earlier version.
    ///
    /// # Errors
    ///
    /// The table cannot be created, or is of a newer version.
    pub async fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.migrate(&Self::schema()).await?;
        Ok(Self { database: database.clone() })
    }
}

impl StateStore for MysqlStateStore {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>> {
        let load = move |work: Work| async move {
            let find = "SELECT state FROM koogallery_license_state WHERE license = ?1";
            let row = work.query_opt(find, &[id("license", key)?]).await?;
            Ok(row.map(|row| row.bytes_or_null("state")).transpose()?.flatten())
        };
        async move { self.database.run(load).await.map_err(StateError::store) }.boxed()
    }

    fn save<'a>(&'a self, key: &'a str, state: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>> {
        async move {
            let state = &state[..];
            let save = |work: Work| async move {
                let save = "INSERT INTO koogallery_license_state (license, state) VALUES (?1, ?2) \
                            ON DUPLICATE KEY UPDATE state = VALUES(state)";
                work.execute(save, &[id("license", key)?, state.into()]).await
            };
            self.database.run(save).await.map(drop).map_err(StateError::store)
        }
        .boxed()
    }
}
