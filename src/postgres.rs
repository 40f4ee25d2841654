//! One PostgreSQL database for the stores of the crate and all replicas of a server, through a pool of connections.
//!
//! Types of [`deadpool_postgres`] and [`tokio_postgres`] are public here, so the feature carries their version
//! (`deadpool-postgres-0_14`, which depends on `tokio-postgres` 0.7). Both crates are re-exported.

use std::fmt;
use std::time::Duration;

pub use deadpool_postgres;
use deadpool_postgres::{
    BuildError, Client, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Transaction,
};
use tokio::time::{Instant, timeout_at};
pub use tokio_postgres;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, IsolationLevel, NoTls, Socket};

/// A pool of connections to one database. Clones share the pool.
///
/// A connection that the server has closed, or that no longer answers, is replaced at its next use. An operation times
/// out after five seconds, whatever it waits for. Statements are not prepared, so a pooler such as PgBouncer may be
/// used. Requires a tokio runtime.
///
/// ```no_run
/// use koogallery::ledger::PostgresLedger;
/// use koogallery::postgres::Database;
///
/// # async fn example() -> Result<(), koogallery::postgres::DatabaseError> {
/// let database = Database::connect("postgres://shop:secret@127.0.0.1/shop").await?;
/// let ledger = PostgresLedger::new(&database).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Database {
    pool: Pool,
}

/// Timeout of an operation, including the wait for a connection and for locks.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout of the check whether a pooled connection is alive.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Idle time of a connection before the kernel probes the server.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A few, since the servers' limit (100 unless raised) is shared by all replicas.
const CONNECTIONS: usize = 8;

/// The advisory lock under which tables are created: "koogalle" in ASCII.
const SCHEMA_LOCK: i64 = i64::from_be_bytes(*b"koogalle");

impl Database {
    /// Connects to the database of a URL of the form `postgres://user:password@host:port/database`, without TLS. A URL
    /// that requires TLS (`sslmode=require`) is refused.
    ///
    /// # Errors
    ///
    /// The URL is invalid, or the database cannot be connected to.
    pub async fn connect(url: &str) -> Result<Self, DatabaseError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(DatabaseError::UnsupportedUrl);
        }
        Self::connect_with(url.parse()?, NoTls).await
    }

    /// Connects with the application's settings and TLS connector, such as those of `postgres-native-tls` and
    /// `tokio-postgres-rustls`.
    ///
    /// # Errors
    ///
    /// The database cannot be connected to.
    pub async fn connect_with<T>(mut config: Config, tls: T) -> Result<Self, DatabaseError>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        // A server that disappeared is to be noticed before the next call comes. Linux takes the one setting for both,
        // unanswered data and unanswered probes.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TIMEOUT).keepalives_idle(KEEPALIVE);
        }
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        let pool = Pool::builder(Manager::from_config(config, tls, manager))
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .recycle_timeout(Some(CHECK_TIMEOUT))
            .build()
            .map_err(|BuildError::NoRuntimeSpecified| PoolError::NoRuntimeSpecified)?;
        let database = Self::from_pool(pool);
        drop(database.client(Instant::now() + TIMEOUT).await?);
        Ok(database)
    }

    /// Uses the application's own pool. With [`RecyclingMethod::Verified`] it never hands out a dead connection.
    pub fn from_pool(pool: Pool) -> Self {
        Self { pool }
    }

    /// Runs statements in one transaction (`READ COMMITTED`), which is committed if they succeed.
    ///
    /// # Errors
    ///
    /// There is no connection, a statement fails, or the operation times out; nothing is changed then. Only where the
    /// connection breaks or the time ends during the commit, its outcome is unknown.
    pub async fn transaction<T>(
        &self,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let ends = Instant::now() + TIMEOUT;
        let mut client = self.client(ends).await?;
        let outcome = timeout_at(ends, async {
            let transaction = client
                .build_transaction()
                .isolation_level(IsolationLevel::ReadCommitted)
                .read_only(false)
                .start()
                .await?;
            let value = work(&transaction).await?;
            transaction.commit().await?;
            Ok(value)
        });
        match outcome.await {
            Ok(outcome) => outcome,
            Err(_) => {
                // The connection is dropped, so that the next operation does not wait behind this one.
                drop(Object::take(client));
                Err(DatabaseError::TimedOut(TIMEOUT))
            }
        }
    }

    /// Creates the tables of a store unless `table`, the last of them, exists.
    pub(crate) async fn make_tables(&self, table: &str, schema: &str) -> Result<(), DatabaseError> {
        self.transaction(async |transaction| {
            // A role that finds the tables needs no right to create some.
            let found = "SELECT to_regclass($1) IS NOT NULL";
            if transaction.query_typed_one(found, &[text(&table)]).await?.try_get(0)? {
                return Ok(());
            }
            // Of two connections that create the same table at once, one would fail, in spite of IF NOT EXISTS.
            let lock = "SELECT pg_advisory_xact_lock($1)";
            transaction.execute_typed(lock, &[int(&SCHEMA_LOCK)]).await?;
            Ok(transaction.batch_execute(schema).await?)
        })
        .await
    }

    async fn client(&self, ends: Instant) -> Result<Client, DatabaseError> {
        Ok(timeout_at(ends, self.pool.get()).await.map_err(|_| DatabaseError::TimedOut(TIMEOUT))??)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

/// A value for a statement, with its type, which spares asking the server.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

pub(crate) fn text<'a>(value: &'a (dyn ToSql + Sync)) -> Parameter<'a> {
    (value, Type::TEXT)
}

pub(crate) fn int<'a>(value: &'a (dyn ToSql + Sync)) -> Parameter<'a> {
    (value, Type::INT8)
}

pub(crate) fn binary<'a>(value: &'a (dyn ToSql + Sync)) -> Parameter<'a> {
    (value, Type::BYTEA)
}

/// A failed operation of the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// PostgreSQL failed, or the connection to it.
    #[error("PostgreSQL operation failed")]
    Postgres(#[from] tokio_postgres::Error),
    /// The pool has no connection.
    #[error("no connection to PostgreSQL")]
    Pool(#[from] PoolError),
    /// The operation took too long.
    #[error("PostgreSQL operation timed out after {0:?}")]
    TimedOut(Duration),
    /// A row was not written by this version.
    #[error("unreadable {column} in a row of {table}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The URL is not of the form `postgres://…`.
    #[error("unsupported database URL: expected postgres://HOST/DATABASE")]
    UnsupportedUrl,
    /// The name of a store is not made of 1 to 32 lower-case letters.
    #[error("invalid store name {0:?}: expected 1 to 32 lower-case letters")]
    Name(String),
}
