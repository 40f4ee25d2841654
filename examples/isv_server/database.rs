//! The database of a URL: the stores of callbacks and logins, and tables of the seller's own.

use std::error::Error;
use std::sync::Arc;

use koogallery::cipher::client_secret::ClientSecretDecryptor;
use koogallery::directory::{DirectoryStore, SqliteDirectory};
use koogallery::ledger::{PrunableLedger, SqliteLedger};
use koogallery::license_store::{LicenseStore, SqliteLicenseStore};
use koogallery::replay::{ReplayGuard, SqliteReplayGuard};
use koogallery::sqlite;
use koogallery::sqlite::rusqlite::{OptionalExtension as _, Transaction, params_from_iter};
#[cfg(feature = "deadpool-postgres-0_14")]
use koogallery::{
    directory::PostgresDirectory, ledger::PostgresLedger, license_store::PostgresLicenseStore, postgres,
    replay::PostgresReplayGuard,
};

#[cfg(feature = "mysql_async-0_37")]
use koogallery::{
    directory::MysqlDirectory,
    ledger::MysqlLedger,
    license_store::MysqlLicenseStore,
    mysql::{
        self,
        mysql_async::{Params, Pool, prelude::Queryable as _},
    },
    replay::MysqlReplayGuard,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A database of one of the kinds that the program was built for.
#[derive(Clone)]
pub enum Database {
    /// `sqlite://FILE`, for the processes of one machine.
    Sqlite(sqlite::Database),
    /// `postgres://USER:PASSWORD@HOST/NAME`, for any number of replicas; needs `--features deadpool-postgres-0_14`.
    #[cfg(feature = "deadpool-postgres-0_14")]
    Postgres(postgres::Database),
    /// `mysql://USER:PASSWORD@HOST/NAME`, for any number of replicas; needs `--features mysql_async-0_37`. The seller's own
    /// tables have connections of their own.
    #[cfg(feature = "mysql_async-0_37")]
    Mysql(mysql::Database, Pool),
}

impl Database {
    pub async fn open(url: &str) -> Outcome<Self> {
        match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Self::Sqlite(sqlite::Database::open_url(url)?)),
            #[cfg(feature = "deadpool-postgres-0_14")]
            Some("postgres" | "postgresql") => Ok(Self::Postgres(postgres::Database::connect(url).await?)),
            #[cfg(feature = "mysql_async-0_37")]
            Some("mysql") => Ok(Self::Mysql(mysql::Database::connect(url).await?, Pool::from_url(url)?)),
            // The rest of the URL may hold a password.
            Some(scheme) => Err(format!("this program was built without a database for {scheme}:// URLs").into()),
            None => Err("the database has to be a URL, such as sqlite://koogallery.db".into()),
        }
    }

    pub async fn ledger(&self) -> Outcome<Arc<dyn PrunableLedger>> {
        Ok(match self {
            Self::Sqlite(database) => Arc::new(SqliteLedger::new(database).await?),
            #[cfg(feature = "deadpool-postgres-0_14")]
            Self::Postgres(database) => Arc::new(PostgresLedger::new(database).await?),
            #[cfg(feature = "mysql_async-0_37")]
            Self::Mysql(database, _) => Arc::new(MysqlLedger::new(database).await?),
        })
    }

    pub async fn replay_guard(&self) -> Outcome<Arc<dyn ReplayGuard>> {
        Ok(match self {
            Self::Sqlite(database) => Arc::new(SqliteReplayGuard::new(database).await?),
            #[cfg(feature = "deadpool-postgres-0_14")]
            Self::Postgres(database) => Arc::new(PostgresReplayGuard::new(database).await?),
            #[cfg(feature = "mysql_async-0_37")]
            Self::Mysql(database, _) => Arc::new(MysqlReplayGuard::new(database).await?),
        })
    }

    pub async fn license_store(&self) -> Outcome<Arc<dyn LicenseStore>> {
        Ok(match self {
            Self::Sqlite(database) => Arc::new(SqliteLicenseStore::new(database).await?),
            #[cfg(feature = "deadpool-postgres-0_14")]
            Self::Postgres(database) => Arc::new(PostgresLicenseStore::new(database).await?),
            #[cfg(feature = "mysql_async-0_37")]
            Self::Mysql(database, _) => Arc::new(MysqlLicenseStore::new(database).await?),
        })
    }

    pub async fn directory(&self, decryptor: Arc<dyn ClientSecretDecryptor>) -> Outcome<Arc<dyn DirectoryStore>> {
        Ok(match self {
            Self::Sqlite(database) => Arc::new(SqliteDirectory::new(database, decryptor).await?),
            #[cfg(feature = "deadpool-postgres-0_14")]
            Self::Postgres(database) => Arc::new(PostgresDirectory::new(database, decryptor).await?),
            #[cfg(feature = "mysql_async-0_37")]
            Self::Mysql(database, _) => Arc::new(MysqlDirectory::new(database, decryptor).await?),
        })
    }

    /// Runs a statement with parameters `$1`, `$2` and so on, and returns the first column of its first row, if it has one.
    pub async fn run(&self, statement: &'static str, parameters: Vec<String>) -> Outcome<Option<String>> {
        match self {
            Self::Sqlite(database) => {
                let run = move |transaction: &Transaction<'_>| {
                    let mut statement = transaction.prepare_cached(&statement.replace('$', "?"))?;
                    statement.query_row(params_from_iter(parameters), |row| row.get(0)).optional()
                };
                Ok(database.transaction(run).await?)
            }
            #[cfg(feature = "deadpool-postgres-0_14")]
            Self::Postgres(database) => {
                use postgres::tokio_postgres::types::{ToSql, Type};

                let typed: Vec<(&(dyn ToSql + Sync), Type)> =
                    parameters.iter().map(|text| (text as &(dyn ToSql + Sync), Type::TEXT)).collect();
                let rows = database
                    .transaction(async |transaction| Ok(transaction.query_typed(statement, &typed).await?))
                    .await?;
                Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
            }
            #[cfg(feature = "mysql_async-0_37")]
            Self::Mysql(_, pool) => {
                let named = (1..).zip(parameters).map(|(number, text)| (format!("p{number}"), text));
                let parameters: Vec<(String, String)> = named.collect();
                let parameters = if parameters.is_empty() { Params::Empty } else { Params::from(parameters) };
                Ok(pool.get_conn().await?.exec_first(statement.replace('$', ":p"), parameters).await?)
            }
        }
    }
}
