//! The stores of a service on each engine.

use std::sync::Arc;

use koogallery::directory::{DirectoryStore, MemoryDirectory, PostgresDirectory, SqliteDirectory};
use koogallery::ledger::{Ledger, MemoryLedger, PostgresLedger, SqliteLedger};
use koogallery::license_store::{LicenseStore, MemoryLicenseStore, PostgresLicenseStore, SqliteLicenseStore};
use koogallery::replay::{MemoryReplayGuard, PostgresReplayGuard, ReplayGuard, SqliteReplayGuard};
use koogallery::{postgres, sqlite};

use crate::calls::NoSecrets;

/// What a service of all families stores, on one engine.
#[derive(Clone)]
pub struct Stores {
    /// Instances.
    pub ledger: Arc<dyn Ledger>,
    /// Nonces.
    pub replay: Arc<dyn ReplayGuard>,
    /// Licenses.
    pub licenses: Arc<dyn LicenseStore>,
    /// Users of the Kit.
    pub directory: Arc<dyn DirectoryStore>,
}

impl Stores {
    /// Returns stores in memory.
    pub fn memory() -> Self {
        Self {
            ledger: Arc::new(MemoryLedger::new()),
            replay: Arc::new(MemoryReplayGuard::with_capacity(usize::MAX)),
            licenses: Arc::new(MemoryLicenseStore::new()),
            directory: Arc::new(MemoryDirectory::new()),
        }
    }

    /// Returns stores in a file of SQLite.
    ///
    /// # Errors
    ///
    /// The tables cannot be made.
    pub async fn sqlite(database: &sqlite::Database) -> Result<Self, sqlite::DatabaseError> {
        Ok(Self {
            ledger: Arc::new(SqliteLedger::new(database).await?),
            replay: Arc::new(SqliteReplayGuard::new(database).await?),
            licenses: Arc::new(SqliteLicenseStore::new(database).await?),
            directory: Arc::new(SqliteDirectory::new(database, NoSecrets).await?),
        })
    }

    /// Returns stores on a PostgreSQL server.
    ///
    /// # Errors
    ///
    /// The tables cannot be made.
    pub async fn postgres(database: &postgres::Database) -> Result<Self, postgres::DatabaseError> {
        Ok(Self {
            ledger: Arc::new(PostgresLedger::new(database).await?),
            replay: Arc::new(PostgresReplayGuard::new(database).await?),
            licenses: Arc::new(PostgresLicenseStore::new(database).await?),
            directory: Arc::new(PostgresDirectory::new(database, NoSecrets).await?),
        })
    }
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}
