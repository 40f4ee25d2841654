//! The stores that all replicas share, in the database of a URL.

use std::sync::Arc;

use koogallery::ledger::{Ledger, SqliteLedger};
use koogallery::replay::{ReplayGuard, SqliteReplayGuard};
use koogallery::sqlite;

use crate::Outcome;

pub struct Stores {
    pub ledger: Arc<dyn Ledger>,
    pub replay_guard: Arc<dyn ReplayGuard>,
}

impl Stores {
    pub async fn open(url: &str) -> Outcome<Self> {
        match url.split("://").next() {
            Some("sqlite") => {
                let database = sqlite::Database::open_url(url)?;
                let replay_guard = SqliteReplayGuard::new(&database).await?;
                Ok(Self { ledger: Arc::new(SqliteLedger::new(&database).await?), replay_guard: Arc::new(replay_guard) })
            }
            #[cfg(feature = "deadpool-postgres-0_14")]
            Some("postgres" | "postgresql") => {
                use koogallery::ledger::PostgresLedger;
                use koogallery::postgres;
                use koogallery::replay::PostgresReplayGuard;

                let database = postgres::Database::connect(url).await?;
                let replay_guard = PostgresReplayGuard::new(&database).await?;
                Ok(Self {
                    ledger: Arc::new(PostgresLedger::new(&database).await?),
                    replay_guard: Arc::new(replay_guard),
                })
            }
            _ => {
                Err("the database is none that this program was built for: see the top of examples/replicas/main.rs"
                    .into())
            }
        }
    }
}
