//! One SQLite file for the stores of the crate, accessed from a thread of its own so that no executor is blocked.
//!
//! Statements of an application may take part in a transaction of the stores, so types of [`rusqlite`] are public here.
//! They come from whichever version of the supported range the application has chosen: only one crate of a program may
//! link SQLite (`links = "sqlite3"`), so a version fixed by this crate would rule out every other user of SQLite in the
//! program. Use the re-exported crate, which is always the right version.
//!
//! # Beside other crates that use SQLite
//!
//! SQLite is linked once into a program, so all crates that use it must agree on one release of `libsqlite3-sys`; Cargo
//! refuses to resolve them otherwise (`links = "sqlite3"`). The feature `sqlite` takes `rusqlite` 0.37 to 0.43, and
//! these were resolved beside it on 2026-11-28:
//!
//! | crate | resolves with `rusqlite` | does not resolve |
//! |---|---|---|
//! | `rusqlite` | 0.37 to 0.43: itself | 0.36 |
//! | `sqlx`, feature `sqlite` | 0.9.0: 0.39 | 0.8, 0.7 |
//! | `sqlx`, feature `postgres` with `any`, `json` or `migrate`, which are on by default | 0.9.0: 0.39 | 0.8, 0.7 |
//! | `sqlx`, features `postgres` and `macros` without the default ones | 0.9.0: 0.39, 0.8.6 and 0.7.4: 0.43 | |
//! | `sea-orm`, feature `sqlx-sqlite` | 2.0.4: 0.39 | 1.1, 1.0 |
//! | `sea-orm`, feature `rusqlite` | 2.0.4: 0.39 | |
//! | `diesel`, feature `sqlite` | 2.3.14: 0.40, 2.2.12: 0.37 | 2.1, 2.0 |
//! | `tokio-rusqlite` | 0.8.0: 0.40, 0.7.0 and 0.6.1: 0.37 | 0.6.0, 0.5 |
//! | `deadpool-sqlite` | 0.14.0: 0.40, 0.13.0: 0.38, 0.12.1: 0.37 | 0.11 |
//! | `r2d2_sqlite` | 0.35.0: 0.40, 0.34.0 and 0.33.0: 0.39, 0.32.0: 0.38, 0.31.0: 0.37 | 0.30 |
//!
//! Cargo finds the release of `rusqlite` by itself. Where none fits, keep the ledger in PostgreSQL (feature
//! `deadpool-postgres-0_14`), or implement [`Ledger`](crate::ledger::Ledger) on the connection that the application
//! has.
//!
//! [`rusqlite`] is re-exported in the release which `cargo tree -i rusqlite` shows. An application that names
//! `rusqlite` itself names the same release; two that share a `libsqlite3-sys`, such as 0.42 and 0.43, would be
//! resolved side by side.

mod group;
mod presence;
mod together;

use std::convert::identity;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
pub use rusqlite;
use rusqlite::{Connection, Transaction};

use group::{Commits, Job, PATIENCE, Way, Work};
use presence::Presence;
pub(crate) use together::Together;
use together::{Asked, Once, Statements};

/// Pages in the write-ahead log after which they are copied into the file: 16 MiB, four times SQLite's default.
const LOG_PAGES: u32 = 4000;

/// An open database. Clones share the connection; the thread ends when the last one is dropped.
///
/// The file is in write-ahead mode, and every change is on the disk before it is reported (`synchronous=FULL`), so that
/// a power cut loses nothing that was answered. Callers that wait at the same time share one commit; what fails for one
/// changes nothing for the others. Only the replay guard, whose claims live for minutes, does not wait for the disk
/// (`synchronous=NORMAL`). Several processes may open the same file. The log beside it grows to some 16 MiB, unless the
/// connection is the application's.
///
/// A file that is deleted, moved or replaced while it is open could still be written to, and all of it would be lost
/// with the process. So every operation fails from then on ([`DatabaseError::FileGone`]), within a second: the path is
/// looked at before a transaction, at most once a second. Only Unix tells one file from another; elsewhere a replaced
/// file is not noticed.
///
/// ```no_run
/// use koogallery::ledger::SqliteLedger;
/// use koogallery::sqlite::Database;
///
/// # async fn example() -> Result<(), koogallery::sqlite::DatabaseError> {
/// let database = Database::open("koogallery.db")?;
/// let ledger = SqliteLedger::new(&database).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Database {
    jobs: mpsc::Sender<Job>,
}

impl Database {
    /// Opens a file, creating it if there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or is not a SQLite database, or the thread cannot be started.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DatabaseError> {
        let connection = Connection::open(path)?;
        // Copying the log into the file waits for the disk twice, and everyone waits with it.
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        Self::from_connection(connection)
    }

    /// Takes a connection that the application has opened: with a key for an encrypted file, functions, or hooks. Its busy
    /// timeout, journal mode (WAL) and `synchronous` are set as [`Database::open`] sets them.
    ///
    /// ```
    /// use koogallery::sqlite::Database;
    /// use koogallery::sqlite::rusqlite::Connection;
    ///
    /// # fn example() -> Result<Database, Box<dyn std::error::Error>> {
    /// let connection = Connection::open("koogallery.db")?;
    /// connection.pragma_update(None, "cache_size", -64_000)?; // KiB, if negative
    /// # Ok(
    /// Database::from_connection(connection)?
    /// # )
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The file is not a SQLite database, or the thread cannot be started.
    pub fn from_connection(connection: Connection) -> Result<Self, DatabaseError> {
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let presence = Presence::of(&connection)?;
        let (jobs, queue) = mpsc::channel();
        let commits = Commits::new(connection, presence, queue)?;
        std::thread::Builder::new().name("koogallery-sqlite".to_owned()).spawn(move || commits.run())?;
        Ok(Self { jobs })
    }

    /// Opens the file of a URL such as `sqlite://koogallery.db` (relative) or `sqlite:///var/lib/koogallery.db`.
    ///
    /// # Errors
    ///
    /// The URL has another scheme, or as [`Database::open`].
    pub fn open_url(url: &str) -> Result<Self, DatabaseError> {
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.is_empty() => Self::open(path),
            _ => Err(DatabaseError::UnsupportedUrl),
        }
    }

    /// Runs statements in one transaction, which is committed if they succeed. They are run to the end also if the caller
    /// is dropped.
    ///
    /// No other statements are part of the transaction: only those of the stores share commits.
    ///
    /// ```no_run
    /// use koogallery::sqlite::rusqlite::Transaction;
    ///
    /// # async fn example(database: koogallery::sqlite::Database) -> Result<(), koogallery::sqlite::DatabaseError> {
    /// let orders = |transaction: &Transaction<'_>| {
    ///     transaction.query_row("SELECT count(*) FROM koogallery_instance", [], |row| row.get::<_, i64>(0))
    /// };
    /// println!("{} instances", database.transaction(orders).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A statement or the commit fails, or another process has kept the file locked for 5 seconds; nothing is changed
    /// then.
    pub async fn transaction<T, F>(&self, work: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.submit(Way::Alone, identity, Once::new(work)).await
    }

    /// Runs statements of a store as [`transaction`](Self::transaction) does, with the store's own error. Others may share
    /// the commit; if one of them fails, all are undone and run once more.
    pub(crate) fn run<'a, T, E, F>(
        &'a self,
        failed: impl FnOnce(DatabaseError) -> E + Send + 'a,
        work: F,
    ) -> BoxFuture<'a, Result<T, E>>
    where
        T: Send + 'static,
        F: Fn(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.submit(Way::Shared, failed, Statements::new(work))
    }

    /// As [`run`](Self::run), for what may be lost in a power cut: it does not wait for the disk.
    pub(crate) fn run_quickly<'a, T, E, F>(
        &'a self,
        failed: impl FnOnce(DatabaseError) -> E + Send + 'a,
        work: F,
    ) -> BoxFuture<'a, Result<T, E>>
    where
        T: Send + 'static,
        F: Fn(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.submit(Way::Quick, failed, Statements::new(work))
    }

    /// As [`run_quickly`](Self::run_quickly), for what is only read. It is not run if the caller is dropped before it is
    /// begun: behind a locked file the statements of calls that were answered long ago would hold up the others.
    pub(crate) fn read<'a, T, E, F>(
        &'a self,
        failed: impl FnOnce(DatabaseError) -> E + Send + 'a,
        work: F,
    ) -> BoxFuture<'a, Result<T, E>>
    where
        T: Send + 'static,
        F: Fn(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.submit(Way::Read, failed, Statements::new(work))
    }

    /// As [`run`](Self::run), at once with operations of the same kind that wait as well.
    pub(crate) fn run_together<'a, T: Together, E>(
        &'a self,
        failed: impl FnOnce(DatabaseError) -> E + Send + 'a,
        operation: T,
    ) -> BoxFuture<'a, Result<T::Answer, E>> {
        self.submit(Way::Shared, failed, operation)
    }

    /// As [`run_together`](Self::run_together), for what may be lost in a power cut. It does not wait for the disk, and is not
    /// run if the caller is dropped before it is begun, as a [read](Self::read).
    pub(crate) fn ask_together<'a, T: Together, E>(
        &'a self,
        failed: impl FnOnce(DatabaseError) -> E + Send + 'a,
        operation: T,
    ) -> BoxFuture<'a, Result<T::Answer, E>> {
        self.submit(Way::QuickIfAwaited, failed, operation)
    }

    /// Compiled for each kind of operation, so all else is in [`done`](Self::done).
    fn submit<'a, T: Together, E>(
        &'a self,
        way: Way,
        failed: impl FnOnce(DatabaseError) -> E + Send + 'a,
        operation: T,
    ) -> BoxFuture<'a, Result<T::Answer, E>> {
        let outcome = async move {
            let work = self.done(way, Box::new(Asked::new(operation))).await;
            work.and_then(Asked::<T>::outcome_of).map_err(failed)
        };
        outcome.boxed()
    }

    /// Waits for the commit of work, and returns it with its outcome.
    async fn done(&self, way: Way, work: Box<dyn Work>) -> Result<Box<dyn Work>, DatabaseError> {
        let (caller, answered) = oneshot::channel();
        self.jobs.send(Job::new(way, work, caller)).map_err(|_| DatabaseError::Closed)?;
        answered.await.map_err(|_| DatabaseError::Closed)
    }
}

/// Adds a column to a table that an earlier version has made without it, given its name and its definition.
pub(crate) fn add_column(
    transaction: &Transaction<'_>,
    table: &str,
    column: &str,
    definition: &str,
) -> rusqlite::Result<()> {
    let columns = "SELECT count(*), count(*) FILTER (WHERE name = ?2) FROM pragma_table_info(?1)";
    let (columns, known): (i64, i64) =
        transaction.query_row(columns, [table, column], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if columns > 0 && known == 0 {
        transaction.execute(&format!("ALTER TABLE {table} ADD COLUMN {column} {definition}"), [])?;
    }
    Ok(())
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

/// A failed operation of the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// SQLite failed.
    #[error("SQLite operation failed")]
    Sqlite(#[from] rusqlite::Error),
    /// The thread could not be started.
    #[error("cannot start the database thread")]
    Thread(#[from] std::io::Error),
    /// The thread has ended: a statement panicked.
    #[error("the database thread has ended")]
    Closed,
    /// The file is no longer at its path: it was deleted, moved or replaced. Bring it back, or start again with the new
    /// one.
    #[error("database file {0:?} was deleted, moved or replaced while in use")]
    FileGone(PathBuf),
    /// The name of a store is not made of 1 to 32 lower-case letters.
    #[error("invalid store name {0:?}: expected 1 to 32 lower-case letters")]
    Name(String),
    /// The URL is not of the form `sqlite://FILE`.
    #[error("unsupported database URL: expected sqlite://FILE")]
    UnsupportedUrl,
}
