//! What can fail, and by which of the server's codes it is known.

use std::time::Duration;

use mysql_async::{DriverError, Error, UrlError};

use crate::lease::LeaseError;
use crate::schema::Newer;

/// A failed operation of the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// MySQL failed.
    #[error("MySQL operation failed")]
    Mysql(#[source] Error),
    /// There is no connection, or it broke.
    #[error("no connection to MySQL")]
    Connection(#[source] Error),
    /// The user or the password is wrong, or the user lacks a right; or the server asks for a way to log in that the driver does
    /// not know, as MySQL does of many users that do not exist.
    #[error("MySQL denies access: user or password is wrong, or the user lacks a right")]
    Denied(#[source] Error),
    /// The server accepts no changes: it is a replica, or was set so.
    #[error("MySQL server is read-only")]
    ReadOnly(#[source] Error),
    /// The server's disk is full, or the space of a table. Nothing was changed.
    #[error("MySQL server has no space left on its disk")]
    DiskFull(#[source] Error),
    /// Another transaction kept a lock for too long.
    #[error("MySQL operation waited too long for a lock")]
    Locked(#[source] Error),
    /// Another transaction was faster, or the server resolved a deadlock in its favor, at every try.
    #[error("MySQL operation was overtaken by others at every try")]
    Overtaken(#[source] Error),
    /// The server ended a statement that took too long, or an administrator did.
    #[error("MySQL ended an operation that took too long")]
    Canceled(#[source] Error),
    /// All connections were in use for the whole time.
    #[error("no free connection to MySQL within {waited:?}: all {connections} are in use")]
    Busy {
        /// The number of connections that the pool may have.
        connections: usize,
        /// The time waited.
        waited: Duration,
    },
    /// The operation took too long.
    #[error("MySQL operation timed out after {0:?}")]
    TimedOut(Duration),
    /// The runtime has ended, or the transaction after an error.
    #[error("MySQL transaction has ended")]
    Ended,
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
    /// An answer has a value of another type than expected.
    #[error("unexpected value of column {0:?}")]
    Column(&'static str),
    /// The URL is not of the form `mysql://…`, or has an invalid parameter.
    #[error("unsupported database URL: expected mysql://HOST/DATABASE")]
    Url(#[source] UrlError),
    /// The URL names no database.
    #[error("database URL without a database: expected mysql://HOST/DATABASE")]
    NoDatabase,
    /// The server is too old.
    #[error("unsupported server version {0:?}: expected MariaDB 10.6 or MySQL 8.0, or newer")]
    UnsupportedServer(String),
    /// The server's clock stands still during a statement, so leases cannot be measured.
    #[error("MySQL server runs with --sysdate-is-now: start it without")]
    FrozenClock,
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
    /// A text that identifies something is too long for its column.
    #[error("{column} of {length} bytes is too long for MySQL: at most {limit}")]
    TooLong {
        /// The column.
        column: &'static str,
        /// The length in bytes.
        length: usize,
        /// The greatest length in bytes.
        limit: usize,
    },
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

impl From<Error> for DatabaseError {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Server(server) => server.code,
            Error::Io(_) | Error::Driver(DriverError::ConnectionClosed) => return Self::Connection(error),
            Error::Driver(DriverError::UnknownAuthPlugin { .. }) => return Self::Denied(error),
            _ => return Self::Mysql(error),
        };
        match code {
            // Too many connections, of all or of this user; shutdown; killed (MySQL, MariaDB); idle for too long.
            1040 | 1053 | 1203 | 1226 | 1927 | 3169 | 4031 => Self::Connection(error),
            // To the database, to the server (with a password or without), to a command, table, column, or routine; a
            // privilege.
            1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 => Self::Denied(error),
            // By an option of the server, of a replica, of the transaction.
            1290 | 1792 | 1836 => Self::ReadOnly(error),
            // Of a temporary file, of a table, of a log.
            1021 | 1114 | 3019 => Self::DiskFull(error),
            1205 | 3572 => Self::Locked(error),
            1213 => Self::Overtaken(error),
            // By an administrator, by `max_statement_time` (MariaDB), by `max_execution_time` (MySQL).
            1317 | 1969 | 3024 => Self::Canceled(error),
            _ => Self::Mysql(error),
        }
    }
}

/// Returns whether the failure is that of an insertion whose key is there already.
pub(super) fn is_duplicate(error: &Error) -> bool {
    matches!(error, Error::Server(server) if matches!(server.code, 1062 | 1586))
}

/// Returns whether the failure is that of a table that does not exist.
pub(super) fn is_missing_table(error: &Error) -> bool {
    matches!(error, Error::Server(server) if server.code == 1146)
}

#[cfg(test)]
mod tests {
    use mysql_async::ServerError;

    use super::*;

    #[test]
    fn failures_are_known_by_their_codes() {
        let read = |code| {
            let (message, state) = (String::new(), "HY000".to_owned());
            DatabaseError::from(Error::Server(ServerError { code, message, state }))
        };
        assert!(matches!(read(1040), DatabaseError::Connection(_)));
        assert!(matches!(read(1045), DatabaseError::Denied(_)));
        assert!(matches!(read(1290), DatabaseError::ReadOnly(_)));
        assert!(matches!(read(1836), DatabaseError::ReadOnly(_)));
        assert!(matches!(read(1114), DatabaseError::DiskFull(_)));
        assert!(matches!(read(3024), DatabaseError::Canceled(_)));
        assert!(matches!(read(1064), DatabaseError::Mysql(_)));
        // MySQL's question to a user that does not exist, depending on the name.
        let way = DriverError::UnknownAuthPlugin { name: "sha256_password".to_owned() };
        assert!(matches!(DatabaseError::from(Error::from(way)), DatabaseError::Denied(_)));
    }
}
