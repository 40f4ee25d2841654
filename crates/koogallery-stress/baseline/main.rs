//! Measures an earlier version, which had stores on SQLite and PostgreSQL only, by the same code as today's.

mod speed;

use std::error::Error;

use koogallery::ledger::{PostgresLedger, SqliteLedger};
use koogallery::replay::{PostgresReplayGuard, SqliteReplayGuard};
use koogallery::{postgres, sqlite};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(2);
    let url = arguments.next().ok_or("--speed wants the URL of a database")?;
    let size = speed::Size::read(arguments)?;
    let service = match url.strip_prefix("sqlite://") {
        Some(path) => {
            let database = sqlite::Database::open(path)?;
            speed::service(SqliteLedger::new(&database).await?, SqliteReplayGuard::new(&database).await?)?
        }
        None => {
            let database = postgres::Database::connect(&url).await?;
            speed::service(PostgresLedger::new(&database).await?, PostgresReplayGuard::new(&database).await?)?
        }
    };
    speed::measure(&service, size).await
}
