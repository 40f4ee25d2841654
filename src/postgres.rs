//! One PostgreSQL database for the stores of the crate and all replicas of a server, through a pool of connections.

use std::fmt;
use std::time::Duration;

use deadpool_postgres::{BuildError, Client, Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime};
pub use deadpool_postgres::{Pool, Transaction};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, IsolationLevel, NoTls, Socket};

/// A database that is connected to as needed. Clones share the pool.
///
/// A connection that the server has closed, or that no longer answers, is replaced at its next use. An operation fails
/// after five seconds, whatever it waits for. Statements are not prepared, so that a pooler such as PgBouncer may sit in
/// between. Must be used on tokio.
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

/// How long an operation may take, the wait for a connection and for others' locks included.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection from the pool may take to show that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// How long a connection may be silent before the kernel asks whether the server is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A few, since the servers' limit (100 unless raised) is shared by all replicas.
const CONNECTIONS: usize = 8;

/// The advisory lock under which tables are made: "koogalle" in ASCII.
const SCHEMA_LOCK: i64 = i64::from_be_bytes(*b"koogalle");

impl Database {
    /// Connects to what a URL of the form `postgres://user:password@host:port/database` names, without TLS. A URL that
    /// demands TLS (`sslmode=require`) is refused.
    ///
    /// # Errors
    ///
    /// The URL is not understood, or there is no such database that lets us in.
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
    /// There is no such database that lets us in.
    pub async fn connect_with<T>(mut config: Config, tls: T) -> Result<Self, DatabaseError>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        // A server that went without a word is to be noticed before the next call comes. Linux takes the one setting for
        // both, unanswered data and unanswered probes.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(PATIENCE).keepalives_idle(KEEPALIVE);
        }
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        let pool = Pool::builder(Manager::from_config(config, tls, manager))
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .recycle_timeout(Some(SIGN_OF_LIFE))
            .build()
            .map_err(|BuildError::NoRuntimeSpecified| PoolError::NoRuntimeSpecified)?;
        let database = Self::from_pool(pool);
        drop(database.client(Instant::now() + PATIENCE).await?);
        Ok(database)
    }

    /// Takes connections from the application's own pool. With [`RecyclingMethod::Verified`] it never hands out one that
    /// is dead.
    pub fn from_pool(pool: Pool) -> Self {
        Self { pool }
    }

    /// Runs statements in one transaction (`READ COMMITTED`), committed if they succeed.
    ///
    /// # Errors
    ///
    /// No connection is to be had, a statement fails, or it all takes too long; nothing is changed then. Only where the
    /// connection breaks or the time ends during the commit, nobody knows whether it was done.
    pub async fn transaction<T>(
        &self,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let ends = Instant::now() + PATIENCE;
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
                // Whatever it waits for, the next one is not to wait for it too.
                drop(Object::take(client));
                Err(DatabaseError::TimedOut(PATIENCE))
            }
        }
    }

    /// Makes the tables of a store unless `table`, the last of them, is there.
    pub(crate) async fn make_tables(&self, table: &str, schema: &str) -> Result<(), DatabaseError> {
        self.transaction(async |transaction| {
            // Who finds the tables needs no right to make some.
            let found = "SELECT to_regclass($1) IS NOT NULL";
            if transaction.query_typed_one(found, &[text(&table)]).await?.try_get(0)? {
                return Ok(());
            }
            // Of two who make the same table at once, one would fail, in spite of IF NOT EXISTS.
            let lock = "SELECT pg_advisory_xact_lock($1)";
            transaction.execute_typed(lock, &[int(&SCHEMA_LOCK)]).await?;
            Ok(transaction.batch_execute(schema).await?)
        })
        .await
    }

    async fn client(&self, ends: Instant) -> Result<Client, DatabaseError> {
        Ok(timeout_at(ends, self.pool.get()).await.map_err(|_| DatabaseError::TimedOut(PATIENCE))??)
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

/// Why the database could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// PostgreSQL failed, or the connection to it.
    #[error("PostgreSQL failed")]
    Postgres(#[from] tokio_postgres::Error),
    /// The pool gave no connection.
    #[error("there is no connection to PostgreSQL")]
    Pool(#[from] PoolError),
    /// It took too long.
    #[error("PostgreSQL was not done within {0:?}")]
    TimedOut(Duration),
    /// A row is not as this version writes it.
    #[error("a row of {table} has an unreadable {column}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The URL is not of the form `postgres://…`.
    #[error("the database URL is not of the form postgres://HOST/DATABASE")]
    UnsupportedUrl,
}
