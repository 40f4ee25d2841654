//! The stores of a URL.

use std::sync::Arc;

use koogallery::ledger::{Ledger, MysqlLedger, PostgresLedger, SqliteLedger};
use koogallery::metering::{MysqlUsageStore, PostgresUsageStore, SqliteUsageStore, UsageStore};
use koogallery::replay::{MysqlReplayGuard, PostgresReplayGuard, ReplayGuard, SqliteReplayGuard};
use koogallery::{mysql, postgres, sqlite};

use crate::Outcome;

/// A database of one of the engines.
pub enum Database {
    Sqlite(sqlite::Database),
    Postgres(postgres::Database),
    Mysql(mysql::Database),
}

impl Database {
    pub async fn open(url: &str) -> Outcome<Self> {
        Ok(match url.split("://").next() {
            Some("sqlite") => Self::Sqlite(sqlite::Database::open_url(url)?),
            Some("mysql") => Self::Mysql(mysql::Database::connect(url).await?),
            _ => Self::Postgres(postgres::Database::connect(url).await?),
        })
    }

    pub async fn ledger(&self) -> Outcome<Arc<dyn Ledger>> {
        Ok(match self {
            Self::Sqlite(database) => Arc::new(SqliteLedger::new(database).await?),
            Self::Postgres(database) => Arc::new(PostgresLedger::new(database).await?),
            Self::Mysql(database) => Arc::new(MysqlLedger::new(database).await?),
        })
    }

    pub async fn replay_guard(&self) -> Outcome<Arc<dyn ReplayGuard>> {
        Ok(match self {
            Self::Sqlite(database) => Arc::new(SqliteReplayGuard::new(database).await?),
            Self::Postgres(database) => Arc::new(PostgresReplayGuard::new(database).await?),
            Self::Mysql(database) => Arc::new(MysqlReplayGuard::new(database).await?),
        })
    }

    pub async fn usage_store(&self) -> Outcome<Arc<dyn UsageStore>> {
        Ok(match self {
            Self::Sqlite(database) => Arc::new(SqliteUsageStore::new(database).await?),
            Self::Postgres(database) => Arc::new(PostgresUsageStore::new(database).await?),
            Self::Mysql(database) => Arc::new(MysqlUsageStore::new(database).await?),
        })
    }
}
