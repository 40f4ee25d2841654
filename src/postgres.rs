//! One PostgreSQL database for the stores of the crate and all replicas of a server, through a pool of connections.
//!
//! Types of [`deadpool_postgres`] and [`tokio_postgres`] are public here, so the feature carries their version
//! (`deadpool-postgres-0_14`, which depends on `tokio-postgres` 0.7). Both crates are re-exported.
//!
//! # Number of connections
//!
//! A store holds a connection only while it talks to the database, not while a handler runs, and never two at once. So
//! one connection is enough for a replica to work, and the default of eight serves hundreds of calls per second. To
//! these comes **one more** for all stores of a [`Database`], opened when a handler runs for longer than a third of its
//! lease: leases are extended on it, so that they last however busy the pool is. So a replica needs one connection more
//! than the [builder](DatabaseBuilder::connections) sets.
//!
//! | between replica and server | what to provide |
//! |---|---|
//! | nothing | `max_connections` above replicas × (connections + 1), and what other programs use |
//! | PgBouncer, transaction pooling | `max_client_conn` above replicas × (connections + 1); a `default_pool_size` of a few |
//! | PgBouncer, session pooling | `default_pool_size` of at least replicas × (connections + 1), or calls wait for each other |
//!
//! Tests run the stores behind PgBouncer 1.18 in both ways. Before version 1.20 it refuses `options` in the URL: set a
//! `search_path` by its `connect_query`, or for the role.
//!
//! To cancel a statement, yet another connection is opened for a moment. An application's
//! [own pool](Database::from_pool) has no connection beside it.
//!
//! # A server that does not answer
//!
//! Every operation ends within the [timeout](DatabaseBuilder::timeout), whatever it waits for. Where operations of
//! several callers share a transaction, that waits for locks for 200 ms at most; then each is tried alone, in the time
//! that is left. The server is asked to give up somewhat earlier (`lock_timeout` and `statement_timeout`, for each
//! transaction alone, so that a pooler may be in between), and the statement is canceled if it does not. A connection
//! whose statement goes on nevertheless counts as one of the pool until its end, so that the pool never has more
//! connections than it may, however long a table stays locked. A replica that disappears in the middle of a transaction
//! keeps its locks for ten seconds at most.
//!
//! # Versions of the tables
//!
//! Every store has tables of its own, and creates them when it is opened, or updates those of an earlier version of
//! this crate; `koogallery_schema` has a row with the version for each store. A store that finds its tables up to date
//! needs no right to create some. Applications that manage their schema themselves run the statements of a [`Schema`].

mod builder;
mod lent;
mod schema;
mod work;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use deadpool_postgres;
use deadpool_postgres::{Client, Pool, PoolError, Transaction};
use futures_util::future::join;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
pub use tokio_postgres;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, IsolationLevel, NoTls, Row, Socket};

pub use builder::DatabaseBuilder;
use lent::{Connect, Lent};
pub(crate) use work::{WAIT_BRIEFLY, Work};

use crate::lease::LeaseError;
use crate::schema::Newer;
pub use crate::schema::Schema;

/// A pool of connections to one database. Clones share the pool.
///
/// A connection that the server has closed, or that no longer answers, is replaced at its next use. An operation times
/// out after five seconds unless [set](DatabaseBuilder::timeout), whatever it waits for. Statements are not prepared,
/// so a pooler such as PgBouncer may be used. Requires a tokio runtime.
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
    /// The connection on which leases are extended.
    reserved: Pool,
    timeout: Duration,
    /// Held while a statement is canceled: one at a time, since each takes a connection.
    canceling: Arc<Mutex<()>>,
    /// `None` in an application's own pool.
    connect: Option<Arc<Connect>>,
}

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
    pub async fn connect_with<T>(config: Config, tls: T) -> Result<Self, DatabaseError>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        Self::builder(config).connect(tls).await
    }

    /// Returns a builder, which sets the number of connections among others.
    pub fn builder(config: Config) -> DatabaseBuilder {
        DatabaseBuilder::new(config)
    }

    /// Uses the application's own pool, with its number of connections and its way to recycle them, also to extend
    /// leases. The server is asked to end statements in time; those that it does not end are not canceled.
    pub fn from_pool(pool: Pool) -> Self {
        Self { reserved: pool.clone(), pool, timeout: builder::TIMEOUT, canceling: Arc::default(), connect: None }
    }

    /// Returns the database by the connection that is reserved for extending leases: one that waits for no lock, and for
    /// none of the other statements, however many these are.
    pub(crate) fn reserved(&self) -> Self {
        Self { pool: self.reserved.clone(), ..self.clone() }
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
        let ends = self.ends();
        let mut lent = self.lend(ends).await?;
        let running = lent.running();
        let outcome = timeout_at(ends, async {
            let transaction = lent
                .build_transaction()
                .isolation_level(IsolationLevel::ReadCommitted)
                .read_only(false)
                .start()
                .await?;
            let limits = work::limits(ends);
            // In one round trip with the first statement.
            let limited = async { running.set(&transaction.simple_query(&limits).await?) };
            let (limited, value) = join(limited, work(&transaction)).await;
            limited?;
            let value = value?;
            transaction.commit().await?;
            Ok(value)
        });
        let outcome = outcome.await;
        lent.finish(outcome.unwrap_or(Err(DatabaseError::TimedOut(self.timeout))))
    }

    /// Returns when an operation that begins now has to end.
    pub(crate) fn ends(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Runs statements of a store in one transaction (`READ COMMITTED`), with as few round trips as they allow.
    pub(crate) async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&Work<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.run_until(self.ends(), work).await
    }

    /// As `run`, in the time that is left.
    pub(crate) async fn run_until<T>(
        &self,
        ends: Instant,
        work: impl AsyncFnOnce(&Work<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let lent = self.lend(ends).await?;
        let outcome = timeout_at(ends, async {
            let session = Work::new(&lent);
            let begin = work::begin(ends);
            // The first statements do not wait for the answer to this one; they fail if it does.
            let began = async { lent.running().set(&lent.simple_query(&begin).await?) };
            let (began, value) = join(began, work(&session)).await;
            began?;
            let value = value?;
            session.commit().await?;
            Ok(value)
        });
        let outcome = outcome.await;
        lent.finish(outcome.unwrap_or(Err(DatabaseError::TimedOut(self.timeout))))
    }

    /// Returns the rows of a single statement, in one round trip.
    pub(crate) async fn rows(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, DatabaseError> {
        self.run(async move |work| work.last(work.query(statement, parameters)).await).await
    }

    /// Runs a single statement, in one round trip. Returns the number of rows it changed.
    pub(crate) async fn execute(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<u64, DatabaseError> {
        self.run(async move |work| work.last(work.execute(statement, parameters)).await).await
    }

    async fn lend(&self, ends: Instant) -> Result<Lent, DatabaseError> {
        let client: Client = match timeout_at(ends, self.pool.get()).await {
            Ok(client) => client?,
            Err(_) => {
                let status = self.pool.status();
                return Err(if status.size >= status.max_size {
                    DatabaseError::Busy { connections: status.max_size, waited: self.timeout }
                } else {
                    DatabaseError::TimedOut(self.timeout)
                });
            }
        };
        Ok(Lent::new(client, self, ends))
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

pub(crate) fn flag<'a>(value: &'a (dyn ToSql + Sync)) -> Parameter<'a> {
    (value, Type::BOOL)
}

pub(crate) fn texts<'a>(values: &'a (dyn ToSql + Sync)) -> Parameter<'a> {
    (values, Type::TEXT_ARRAY)
}

pub(crate) fn ints<'a>(values: &'a (dyn ToSql + Sync)) -> Parameter<'a> {
    (values, Type::INT8_ARRAY)
}

/// Returns a limit of rows as a number for a statement.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// The server's clock in milliseconds, as it is when it is read: also after a wait for a lock.
pub(crate) const CLOCK: &str = "floor(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT";

/// Returns the end of a lease that begins when it is read, given its duration in milliseconds. Rounded up, since a
/// holder counts on the whole duration.
pub(crate) fn lease_end(duration: &str) -> String {
    format!("(ceil(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + {duration})")
}

/// Returns the condition for a row that a holder may take: `due_at` is the end of the lease where a row has a holder, and
/// compared with the server's time, or else a time of the caller's. The server's time is that of the statement, so that
/// an index can be used; after a wait for a lock a row is rather taken too late than too early.
pub(crate) fn is_due(now: &str) -> String {
    let clock = "floor(extract(epoch FROM statement_timestamp()) * 1000)::BIGINT";
    format!("due_at <= greatest({now}, {clock}) AND due_at <= CASE WHEN holder IS NULL THEN {now} ELSE {clock} END")
}

/// Returns a statement that is shared with other engines, with its parameters as PostgreSQL has them.
pub(crate) fn shared(statement: &str) -> String {
    statement.replace('?', "$")
}

pub(crate) fn binary<'a>(value: &'a (dyn ToSql + Sync)) -> Parameter<'a> {
    (value, Type::BYTEA)
}

pub(crate) fn binaries<'a>(values: &'a (dyn ToSql + Sync)) -> Parameter<'a> {
    (values, Type::BYTEA_ARRAY)
}

/// A failed operation of the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// PostgreSQL failed, or the connection to it.
    #[error("PostgreSQL operation failed")]
    Postgres(#[source] tokio_postgres::Error),
    /// Another transaction kept a lock for too long.
    #[error("PostgreSQL operation waited too long for a lock")]
    Locked(#[source] tokio_postgres::Error),
    /// The server's disk is full, or a quota of it. Nothing was changed.
    #[error("PostgreSQL server has no space left on its disk")]
    DiskFull(#[source] tokio_postgres::Error),
    /// The pool has no connection.
    #[error("no connection to PostgreSQL")]
    Pool(#[from] PoolError),
    /// The server ended a statement that took too long.
    #[error("PostgreSQL ended an operation that took too long")]
    Canceled(#[source] tokio_postgres::Error),
    /// All connections were in use for the whole time.
    #[error("no free connection to PostgreSQL within {waited:?}: all {connections} are in use")]
    Busy {
        /// The number of connections that the pool may have.
        connections: usize,
        /// The time waited.
        waited: Duration,
    },
    /// The operation took too long.
    #[error("PostgreSQL operation timed out after {0:?}")]
    TimedOut(Duration),
    /// A record cannot be encoded.
    #[error("a record cannot be encoded")]
    Encoding(#[from] serde_json::Error),
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
    /// The tables of a store were made by a newer version of this crate.
    #[error("tables of store {store:?} have version {found}, newer than {supported} of this program")]
    NewerSchema {
        /// The store.
        store: String,
        /// The version of the tables.
        found: u32,
        /// The newest version that this program can use.
        supported: u32,
    },
    /// A text has a character that the database cannot store: U+0000, or one outside the encoding of the database.
    #[error("PostgreSQL cannot store a character of a text")]
    Character(#[source] tokio_postgres::Error),
    /// The name of a store is not made of 1 to 32 lower-case letters.
    #[error("invalid store name {0:?}: expected 1 to 32 lower-case letters")]
    Name(String),
    /// A handler's transaction may not mark its change done.
    #[error(transparent)]
    Lease(#[from] LeaseError),
}

impl From<Newer> for DatabaseError {
    fn from(Newer { store, found, supported }: Newer) -> Self {
        Self::NewerSchema { store, found, supported }
    }
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(&SqlState::LOCK_NOT_AVAILABLE) => Self::Locked(error),
            Some(&SqlState::QUERY_CANCELED) => Self::Canceled(error),
            Some(&SqlState::DISK_FULL) => Self::DiskFull(error),
            Some(&SqlState::CHARACTER_NOT_IN_REPERTOIRE | &SqlState::UNTRANSLATABLE_CHARACTER) => {
                Self::Character(error)
            }
            _ => Self::Postgres(error),
        }
    }
}
