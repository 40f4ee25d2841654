//! Columns of a row, whichever SQL engine it comes from, so that stores on two engines read a row in one place.
//!
//! Statements that both engines understand are written once as well, with parameters `?1`, `?2` and so on.

use crate::timestamp::Timestamp;

/// A row of a SQL engine.
pub(crate) trait Columns {
    type Error;

    fn text(&self, column: &'static str) -> Result<String, Self::Error>;
    fn text_or_null(&self, column: &'static str) -> Result<Option<String>, Self::Error>;
    fn int(&self, column: &'static str) -> Result<i64, Self::Error>;
    fn int_or_null(&self, column: &'static str) -> Result<Option<i64>, Self::Error>;
    fn bytes_or_null(&self, column: &'static str) -> Result<Option<Vec<u8>>, Self::Error>;
    fn flag(&self, column: &'static str) -> Result<bool, Self::Error>;

    /// The error for a row that was not written by this version.
    fn unreadable(table: &'static str, column: &'static str) -> Self::Error;

    /// A text; the empty one stands for none, since no two NULLs of a key are equal.
    fn text_unless_empty(&self, column: &'static str) -> Result<Option<String>, Self::Error> {
        self.text(column).map(|text| Some(text).filter(|text| !text.is_empty()))
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, Self::Error> {
        self.int(column).map(Timestamp::from_unix_millis)
    }

    fn time_or_null(&self, column: &'static str) -> Result<Option<Timestamp>, Self::Error> {
        self.int_or_null(column).map(|millis| millis.map(Timestamp::from_unix_millis))
    }
}

/// Implements the getters by one method of the row.
macro_rules! columns {
    ($row:ty, $error:ty, $get:ident) => {
        type Error = $error;

        fn text(&self, column: &'static str) -> Result<String, $error> {
            Ok(<$row>::$get(self, column)?)
        }

        fn text_or_null(&self, column: &'static str) -> Result<Option<String>, $error> {
            Ok(<$row>::$get(self, column)?)
        }

        fn int(&self, column: &'static str) -> Result<i64, $error> {
            Ok(<$row>::$get(self, column)?)
        }

        fn int_or_null(&self, column: &'static str) -> Result<Option<i64>, $error> {
            Ok(<$row>::$get(self, column)?)
        }

        fn bytes_or_null(&self, column: &'static str) -> Result<Option<Vec<u8>>, $error> {
            Ok(<$row>::$get(self, column)?)
        }

        fn flag(&self, column: &'static str) -> Result<bool, $error> {
            Ok(<$row>::$get(self, column)?)
        }
    };
}

#[cfg(feature = "sqlite")]
#[allow(clippy::needless_question_mark, reason = "the other engine converts its error")]
impl Columns for rusqlite::Row<'_> {
    columns!(rusqlite::Row<'_>, rusqlite::Error, get);

    fn unreadable(_: &'static str, _: &'static str) -> rusqlite::Error {
        rusqlite::Error::InvalidQuery
    }
}

/// A row of SQLite whose columns are read one after the other. Each is found where it follows the one before, in place of
/// comparing its name with those of all that come before it.
#[cfg(feature = "sqlite")]
pub(crate) struct InOrder<'a> {
    row: &'a rusqlite::Row<'a>,
    next: std::cell::Cell<usize>,
}

#[cfg(feature = "sqlite")]
impl<'a> InOrder<'a> {
    pub(crate) fn new(row: &'a rusqlite::Row<'a>) -> Self {
        Self { row, next: std::cell::Cell::new(0) }
    }

    fn get<T: rusqlite::types::FromSql>(&self, column: &'static str) -> rusqlite::Result<T> {
        let (statement, next) = (self.row.as_ref(), self.next.get());
        let is_next = statement.column_name(next).is_ok_and(|name| name == column);
        let place = if is_next { next } else { statement.column_index(column)? };
        self.next.set(place + 1);
        self.row.get(place)
    }
}

#[cfg(feature = "sqlite")]
#[allow(clippy::needless_question_mark, reason = "the other engine converts its error")]
impl Columns for InOrder<'_> {
    columns!(InOrder<'_>, rusqlite::Error, get);

    fn unreadable(_: &'static str, _: &'static str) -> rusqlite::Error {
        rusqlite::Error::InvalidQuery
    }
}

#[cfg(feature = "deadpool-postgres-0_14")]
impl Columns for tokio_postgres::Row {
    columns!(tokio_postgres::Row, crate::postgres::DatabaseError, try_get);

    fn unreadable(table: &'static str, column: &'static str) -> crate::postgres::DatabaseError {
        crate::postgres::DatabaseError::Unreadable { table, column }
    }
}

#[cfg(feature = "mysql_async-0_37")]
#[allow(clippy::needless_question_mark, reason = "the other engine converts its error")]
impl Columns for crate::mysql::Row {
    columns!(crate::mysql::Row, crate::mysql::DatabaseError, get);

    fn unreadable(table: &'static str, column: &'static str) -> crate::mysql::DatabaseError {
        crate::mysql::DatabaseError::Unreadable { table, column }
    }
}
