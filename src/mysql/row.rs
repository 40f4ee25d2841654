//! Rows of an answer.

use mysql_async::prelude::FromValue;

use super::DatabaseError;

/// A row of an answer.
#[derive(Debug)]
pub(crate) struct Row(pub(super) mysql_async::Row);

impl Row {
    pub(crate) fn get<T: FromValue>(&self, column: &'static str) -> Result<T, DatabaseError> {
        self.0.get_opt(column).and_then(Result::ok).ok_or(DatabaseError::Column(column))
    }
}
