//! One MySQL or MariaDB database for the stores of the crate and all replicas of a server, through a pool of connections.
//!
//! Types of [`mysql_async`] are public here, so the feature carries its version (`mysql_async-0_37`). The crate is
//! re-exported.
//!
//! # Servers
//!
//! MariaDB 10.6 and MySQL 8.0, or newer. Older ones are refused, since they lack `SKIP LOCKED` or `JSON_TABLE`. So is a server that runs
//! with `--sysdate-is-now`, since a lease must not be measured by the time at which its statement began. The tests run
//! on MariaDB 10.11 and MySQL 8.0.
//!
//! Tables use InnoDB. What identifies something is `VARBINARY`, so that letter case, accents and blanks at the end
//! count, and takes up to 512 bytes; a longer one is an error before any statement.
//!
//! # TLS
//!
//! None by default. To have it, enable a feature of `mysql_async` such as `default-rustls-ring` in the application, and
//! set [`ssl_opts`](mysql_async::OptsBuilder::ssl_opts).
//!
//! # Number of connections
//!
//! A store holds a connection only while it talks to the database, not while a handler runs, and never two at once. So
//! one connection is enough for a replica to work; the default is eight. To these comes **one more** for all stores of a
//! [`Database`], opened when a handler runs for longer than a third of its lease: leases are extended on it, so that
//! they last however much else there is to do. `max_connections` of the server (151 unless raised) must be above
//! replicas × (connections + 1), and what other programs use.
//!
//! To create or update tables, and to find out what became of a statement that does not end, yet another connection is
//! opened for a moment.
//!
//! # A server that does not answer
//!
//! Every operation ends within the [timeout](DatabaseBuilder::timeout), whatever it waits for. Where operations of
//! several callers share a transaction, that waits for a lock for a second at most; then each is tried alone, in the time
//! that is left. The server is asked to give up somewhat earlier (`innodb_lock_wait_timeout`, `lock_wait_timeout`, and `max_statement_time` in MariaDB or
//! `max_execution_time` in MySQL). A connection is never used again while a statement may be running on it: its task
//! waits for the end, undoes the transaction, and counts as one of the pool until then, also where no caller waits for the
//! answer. A replica that disappears in the middle of a transaction keeps its locks for ten seconds at most in MariaDB,
//! for a minute in MySQL.
//!
//! # Versions of the tables
//!
//! Every store has tables of its own, and creates them when it is opened, or updates those of an earlier version of
//! this crate; `koogallery_schema` has a row with the version for each store. A store that finds its tables up to date
//! needs no right to create some. Applications that manage their schema themselves run the statements of a [`Schema`].

mod builder;
mod clock;
mod error;
mod lock;
mod pool;
mod row;
pub(crate) mod rows;
mod schema;
mod statement;
mod work;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use mysql_async;
use mysql_async::{Opts, OptsBuilder};
use tokio::time::{Instant, timeout_at};

pub use builder::DatabaseBuilder;
use builder::Server;
pub(crate) use clock::{CLOCK, clock, end_of_lease, is_due, lease_end};
pub use error::DatabaseError;
pub(crate) use lock::{lock, lock_table};
use pool::{Patience, Pool};
pub(crate) use row::Row;
pub(crate) use statement::{id, values};
pub(crate) use work::{Own, Reply, Session, Work};

pub use crate::schema::Schema;

/// The number of times that an operation is tried which others overtake.
const TRIES: u32 = 5;

/// A pool of connections to one database. Clones share the pool.
///
/// A connection that the server has closed, or that no longer answers, is replaced at its next use. An operation times
/// out after five seconds unless [set](DatabaseBuilder::timeout), whatever it waits for. Requires a tokio runtime.
///
/// ```no_run
/// use koogallery::heartbeat::MysqlStateStore;
/// use koogallery::mysql::Database;
///
/// # async fn example() -> Result<(), koogallery::mysql::DatabaseError> {
/// let database = Database::connect("mysql://shop:secret@127.0.0.1/shop").await?;
/// let store = MysqlStateStore::new(&database).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Database {
    pool: Arc<Pool>,
    /// The connection on which leases are extended.
    reserved: Arc<Pool>,
    server: Server,
    timeout: Duration,
}

impl Database {
    /// Connects to the database of a URL of the form `mysql://user:password@host:port/database`, over TCP unless the
    /// URL has a parameter `socket`, and without TLS. Other parameters are those of [`Opts`], without the ones of its pool.
    ///
    /// # Errors
    ///
    /// The URL is invalid, or the database cannot be connected to.
    pub async fn connect(url: &str) -> Result<Self, DatabaseError> {
        let opts = Opts::from_url(url).map_err(DatabaseError::Url)?;
        if opts.db_name().is_none_or(str::is_empty) {
            return Err(DatabaseError::NoDatabase);
        }
        // Otherwise each connection to this host is opened twice, the second time as another user perhaps.
        Self::builder(OptsBuilder::from_opts(opts).prefer_socket(false)).connect().await
    }

    /// Returns a builder, which sets the number of connections among others.
    pub fn builder(opts: impl Into<Opts>) -> DatabaseBuilder {
        DatabaseBuilder::new(opts.into())
    }

    /// Returns the database by the connection that is reserved for extending leases: one that waits for no lock, and for
    /// none of the other statements, however many these are.
    pub(crate) fn reserved(&self) -> Self {
        Self { pool: Arc::clone(&self.reserved), ..self.clone() }
    }

    /// Returns when an operation that begins now has to end.
    pub(crate) fn ends(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Runs statements of a store in one transaction (`READ COMMITTED`), from the begin again if others overtake it.
    pub(crate) async fn run<T, F>(&self, work: impl Fn(Work) -> F) -> Result<T, DatabaseError>
    where
        F: Future<Output = Result<T, DatabaseError>>,
    {
        self.run_until(self.ends(), work).await
    }

    /// As `run`, in the time that is left.
    pub(crate) async fn run_until<T, F>(&self, ends: Instant, work: impl Fn(Work) -> F) -> Result<T, DatabaseError>
    where
        F: Future<Output = Result<T, DatabaseError>>,
    {
        self.attempt(Patience { ends, is_brief: false }, work).await
    }

    /// As `run_until`, for a transaction of many, in which one must not make the others wait for a lock.
    pub(crate) async fn run_together<T, F>(&self, ends: Instant, work: impl Fn(Work) -> F) -> Result<T, DatabaseError>
    where
        F: Future<Output = Result<T, DatabaseError>>,
    {
        self.attempt(Patience { ends, is_brief: true }, work).await
    }

    async fn attempt<T, F>(&self, patience: Patience, work: impl Fn(Work) -> F) -> Result<T, DatabaseError>
    where
        F: Future<Output = Result<T, DatabaseError>>,
    {
        let ends = patience.ends;
        let attempts = async {
            let mut tries = 1;
            loop {
                let transaction = Work::begin(&self.pool, self.timeout, patience).await?;
                match work(transaction.clone()).await {
                    Err(DatabaseError::Overtaken(_)) if tries < TRIES => tries += 1,
                    value => {
                        let value = value?;
                        transaction.commit().await?;
                        return Ok(value);
                    }
                }
            }
        };
        timeout_at(ends, attempts).await.unwrap_or(Err(DatabaseError::TimedOut(self.timeout)))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}
