//! State in PostgreSQL.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{StateError, StateStore};
use crate::postgres::{Database, DatabaseError, Schema, binary, text};

/// A store in a table of its own (`koogallery_license_state`), for replicas that ask on behalf of many Licenses.
///
/// ```no_run
/// use koogallery::heartbeat::PostgresStateStore;
/// use koogallery::postgres::Database;
///
/// # async fn example() -> Result<(), koogallery::postgres::DatabaseError> {
/// let database = Database::connect("postgres://shop:secret@127.0.0.1/shop").await?;
/// let store = PostgresStateStore::new(&database).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PostgresStateStore {
    database: Database,
}

const TABLES: &str = r#"CREATE TABLE IF NOT EXISTS koogallery_license_state (
    key   TEXT COLLATE "C" PRIMARY KEY,
    state BYTEA NOT NULL
);
"#;

impl PostgresStateStore {
    /// Returns the table that [`PostgresStateStore::new`] makes, for applications that manage their schema themselves.
    pub fn schema() -> Schema {
        Schema::postgres("license_state", "koogallery_license_state", &[TABLES])
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

impl StateStore for PostgresStateStore {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>> {
        async move {
            let find = "SELECT state FROM koogallery_license_state WHERE key = $1";
            let rows = self.database.rows(find, &[text(&key)]).await.map_err(StateError::store)?;
            rows.first().map(|row| row.try_get(0)).transpose().map_err(StateError::store)
        }
        .boxed()
    }

    fn save<'a>(&'a self, key: &'a str, state: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>> {
        async move {
            let save = "INSERT INTO koogallery_license_state (key, state) VALUES ($1, $2) \
                        ON CONFLICT (key) DO UPDATE SET state = excluded.state";
            self.database.execute(save, &[text(&key), binary(&state)]).await.map(drop).map_err(StateError::store)
        }
        .boxed()
    }
}
