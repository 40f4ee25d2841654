//! Settings of a pool.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder};
use tokio::time::timeout;

use super::pool::Pool;
use super::{Database, DatabaseError};

/// Timeout of an operation, including the wait for a connection and for locks.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A few, since the servers' limit (151 unless raised) is shared by all replicas.
const CONNECTIONS: usize = 8;

/// More than the stores have statements, so that each is prepared once per connection.
const STATEMENTS: usize = 256;

/// Settings of a [`Database`].
///
/// ```no_run
/// use koogallery::mysql::Database;
/// use koogallery::mysql::mysql_async::OptsBuilder;
///
/// # async fn example() -> Result<(), koogallery::mysql::DatabaseError> {
/// let opts = OptsBuilder::default().ip_or_hostname("127.0.0.1").user(Some("shop")).db_name(Some("shop"));
/// let database = Database::builder(opts).connections(4).connect().await?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct DatabaseBuilder {
    opts: Opts,
    connections: usize,
    timeout: Duration,
}

impl DatabaseBuilder {
    pub(super) fn new(opts: Opts) -> Self {
        Self { opts, connections: CONNECTIONS, timeout: TIMEOUT }
    }

    /// Sets the number of connections that the pool has at most (default: 8). See [the module](super).
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Sets the time limit of an operation, including the wait for a connection and for locks (default: 5 s). The
    /// server counts the wait for a lock in whole seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// The database cannot be connected to, or the server is none that can be [used](super#servers).
    pub async fn connect(self) -> Result<Database, DatabaseError> {
        let Self { opts, connections, timeout: limit } = self;
        let server = timeout(limit, Server::ask(opts.clone())).await;
        let server = server.unwrap_or(Err(DatabaseError::TimedOut(limit)))?;
        // Last first, as the driver runs them: after the application's own.
        let mut setup = server.setup(limit);
        setup.extend_from_slice(opts.setup());
        // Whether a row counts as changed must not depend on what the application's URL says.
        let opts = OptsBuilder::from_opts(opts).setup(setup).client_found_rows(true).stmt_cache_size(STATEMENTS);
        let opts = Opts::from(opts);
        let [pool, reserved] =
            [connections, 1].map(|connections| Arc::new(Pool::new(opts.clone(), server, connections)));
        Ok(Database { pool, reserved, server, timeout: limit })
    }
}

/// Shows no options: there may be a password among them.
impl fmt::Debug for DatabaseBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseBuilder")
            .field("connections", &self.connections)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The kind of a server, by which its settings have different names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Server {
    Mysql,
    MariaDb,
}

impl Server {
    async fn ask(opts: Opts) -> Result<Self, DatabaseError> {
        let mut connection = Conn::new(opts).await?;
        // In the order of the columns.
        let question = "SELECT VERSION(), SLEEP(0.01), NOW(6) = SYSDATE(6)";
        let answer: Option<(String, i64, bool)> = connection.query_first(question).await?;
        let (version, _, is_clock_frozen) = answer.unwrap_or_default();
        let server = Self::read(&version)?;
        if is_clock_frozen {
            return Err(DatabaseError::FrozenClock);
        }
        connection.disconnect().await?;
        Ok(server)
    }

    fn read(version: &str) -> Result<Self, DatabaseError> {
        let mut numbers =
            version.split(|sign: char| !sign.is_ascii_digit()).map(|number| number.parse().unwrap_or(0_u32));
        let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let (server, oldest) =
            if version.contains("MariaDB") { (Self::MariaDb, (10, 6, 0)) } else { (Self::Mysql, (8, 0, 4)) };
        if found < oldest {
            return Err(DatabaseError::UnsupportedServer(version.to_owned()));
        }
        Ok(server)
    }

    /// Returns the settings of a connection on which tables are made: statements on large tables take their time, but
    /// everybody else waits behind one that waits for a table.
    pub(super) fn setup_for_tables(self) -> &'static str {
        match self {
            Self::MariaDb => "SET SESSION max_statement_time = 0, lock_wait_timeout = 4",
            Self::Mysql => "SET SESSION max_execution_time = 0, lock_wait_timeout = 4",
        }
    }

    /// Returns the settings by which the server gives up waiting for a lock, and a statement, before these times are over. For a
    /// lock it counts in whole seconds, so that it needs one at least.
    pub(super) fn limits(self, lock: Duration, statement: Duration) -> String {
        let (lock, statement) = (lock.mul_f64(0.85).as_secs().clamp(1, 1 << 30), statement.mul_f64(0.9));
        let statement = match self {
            Self::MariaDb => format!("max_statement_time = {:.3}", statement.as_secs_f64().max(0.001)),
            Self::Mysql => format!("max_execution_time = {}", statement.as_millis().clamp(1, 1 << 31)),
        };
        format!("SET SESSION innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}, {statement}")
    }

    /// Returns the settings of each connection, so that the server gives up before the operation times out and says
    /// why, and so that nothing depends on the server's own settings.
    fn setup(self, limit: Duration) -> Vec<String> {
        let idle = match self {
            Self::MariaDb => "idle_transaction_timeout = 10",
            Self::Mysql => "wait_timeout = 60",
        };
        vec![
            format!(
                "{}, autocommit = 1, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', {idle}",
                self.limits(limit, limit)
            ),
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE".to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused() {
        for (version, server) in [
            ("10.11.19-MariaDB-0+deb12u1", Server::MariaDb),
            ("10.6.0-MariaDB", Server::MariaDb),
            ("11.4.2-MariaDB-ubu2404", Server::MariaDb),
            ("8.0.36", Server::Mysql),
            ("8.4.0-commercial", Server::Mysql),
            ("9.1.0", Server::Mysql),
        ] {
            assert_eq!(Server::read(version).unwrap(), server, "{version}");
        }
        for version in ["10.5.29-MariaDB", "5.7.44-log", "8.0.3-rc", "", "x"] {
            assert!(matches!(Server::read(version), Err(DatabaseError::UnsupportedServer(_))), "{version}");
        }
    }

    #[test]
    fn the_server_gives_up_before_the_operation_times_out() {
        let [limits, _] = &Server::MariaDb.setup(TIMEOUT)[..] else { panic!() };
        assert!(limits.contains("innodb_lock_wait_timeout = 4, lock_wait_timeout = 4"), "{limits}");
        assert!(limits.contains("max_statement_time = 4.500"), "{limits}");
        let [limits, _] = &Server::Mysql.setup(Duration::from_millis(100))[..] else { panic!() };
        assert!(
            limits.contains("innodb_lock_wait_timeout = 1") && limits.contains("max_execution_time = 90"),
            "{limits}"
        );
    }
}
