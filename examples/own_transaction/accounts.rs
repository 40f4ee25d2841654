//! The seller's table, in the database of the ledger.

use std::sync::Arc;

use koogallery::callback::HandlerError;
use koogallery::callback::subscription::Completion;
use koogallery::ledger::{Ledger, SqliteLedger};
use koogallery::sqlite;
use koogallery::sqlite::rusqlite::{OptionalExtension as _, Transaction};
#[cfg(feature = "mysql_async-0_37")]
use koogallery::{
    ledger::MysqlLedger,
    mysql::{
        self,
        mysql_async::{IsolationLevel, Pool, TxOpts, prelude::Queryable as _},
    },
};
#[cfg(feature = "deadpool-postgres-0_14")]
use koogallery::{
    ledger::PostgresLedger,
    postgres::{self, deadpool_postgres},
};

use crate::Outcome;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS account \
                     (id VARCHAR(64) PRIMARY KEY, state VARCHAR(16) NOT NULL, credit BIGINT NOT NULL)";

const CREDIT: &str = "SELECT credit FROM account WHERE id = $1";

/// A ledger, and the accounts beside it.
#[derive(Clone)]
pub enum Accounts {
    /// `sqlite://FILE`.
    Sqlite(sqlite::Database, SqliteLedger),
    /// `postgres://USER:PASSWORD@HOST/NAME`; needs `--features deadpool-postgres-0_14`.
    #[cfg(feature = "deadpool-postgres-0_14")]
    Postgres(postgres::Database, PostgresLedger),
    /// `mysql://USER:PASSWORD@HOST/NAME`; needs `--features mysql_async-0_37`. The accounts have connections of their own.
    #[cfg(feature = "mysql_async-0_37")]
    Mysql(Pool, MysqlLedger),
}

impl Accounts {
    pub async fn open(url: &str) -> Outcome<Self> {
        match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("sqlite") => {
                let database = sqlite::Database::open_url(url)?;
                database.transaction(|transaction| transaction.execute_batch(TABLE)).await?;
                let ledger = SqliteLedger::new(&database).await?;
                Ok(Self::Sqlite(database, ledger))
            }
            #[cfg(feature = "deadpool-postgres-0_14")]
            Some("postgres" | "postgresql") => {
                let database = postgres::Database::connect(url).await?;
                database.transaction(async |transaction| Ok(transaction.batch_execute(TABLE).await?)).await?;
                let ledger = PostgresLedger::new(&database).await?;
                Ok(Self::Postgres(database, ledger))
            }
            #[cfg(feature = "mysql_async-0_37")]
            Some("mysql") => {
                let pool = Pool::from_url(url)?;
                pool.get_conn().await?.query_drop(TABLE).await?;
                let ledger = MysqlLedger::new(&mysql::Database::connect(url).await?).await?;
                Ok(Self::Mysql(pool, ledger))
            }
            // The rest of the URL may hold a password.
            Some(scheme) => Err(format!("this program was built without a database for {scheme}:// URLs").into()),
            None => Err("the database has to be a URL, such as sqlite://koogallery.db".into()),
        }
    }

    pub fn ledger(&self) -> Arc<dyn Ledger> {
        match self {
            Self::Sqlite(_, ledger) => Arc::new(ledger.clone()),
            #[cfg(feature = "deadpool-postgres-0_14")]
            Self::Postgres(_, ledger) => Arc::new(ledger.clone()),
            #[cfg(feature = "mysql_async-0_37")]
            Self::Mysql(_, ledger) => Arc::new(ledger.clone()),
        }
    }

    /// Runs a statement, whose parameter is the id of an account, and marks the change done: both or neither.
    pub async fn change(
        &self,
        statement: &'static str,
        id: String,
        completion: Completion,
    ) -> Result<(), HandlerError> {
        match self {
            Self::Sqlite(database, ledger) => {
                let ledger = ledger.clone();
                let change = move |transaction: &Transaction<'_>| {
                    transaction.execute(&statement.replace("$1", "?"), [id])?;
                    ledger.complete_in(transaction, &completion)
                };
                Ok(database.transaction(change).await?)
            }
            #[cfg(feature = "deadpool-postgres-0_14")]
            Self::Postgres(database, ledger) => {
                let change = async |transaction: &deadpool_postgres::Transaction<'_>| {
                    transaction.execute(statement, &[&id]).await?;
                    ledger.complete_in(transaction, &completion).await
                };
                Ok(database.transaction(change).await?)
            }
            #[cfg(feature = "mysql_async-0_37")]
            Self::Mysql(pool, ledger) => {
                let mut options = TxOpts::new();
                options.with_isolation_level(IsolationLevel::ReadCommitted);
                let mut transaction = pool.start_transaction(options).await?;
                transaction.exec_drop(statement.replace("$1", "?"), (id,)).await?;
                ledger.complete_in(&mut transaction, &completion).await?;
                Ok(transaction.commit().await?)
            }
        }
    }

    /// Returns the credit of an account, if it exists.
    pub async fn credit(&self, id: String) -> Outcome<Option<i64>> {
        match self {
            Self::Sqlite(database, _) => {
                let credit = move |transaction: &Transaction<'_>| {
                    transaction.query_row(&CREDIT.replace("$1", "?"), [id], |row| row.get(0)).optional()
                };
                Ok(database.transaction(credit).await?)
            }
            #[cfg(feature = "deadpool-postgres-0_14")]
            Self::Postgres(database, _) => {
                let row =
                    database.transaction(async |transaction| Ok(transaction.query_opt(CREDIT, &[&id]).await?)).await?;
                Ok(row.map(|row| row.try_get(0)).transpose()?)
            }
            #[cfg(feature = "mysql_async-0_37")]
            Self::Mysql(pool, _) => Ok(pool.get_conn().await?.exec_first(CREDIT.replace("$1", "?"), (id,)).await?),
        }
    }
}
