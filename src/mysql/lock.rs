//! Locks on what several statements change together, in a table of the store.
//!
//! Locks by name (`GET_LOCK`) would outlast the transaction.

use std::collections::BTreeSet;

use mysql_async::Value;

use super::rows::{self, Column};
use super::{DatabaseError, Session};
use crate::lock_key::lock_key;

/// Number of the rows that are locked in place of the things. Two things of the same row wait for each other.
const ROWS: i64 = 256;

/// Returns the statements that make the table of a store's locks.
macro_rules! lock_table {
    ($table:literal) => {
        concat!(
            "CREATE TABLE IF NOT EXISTS ",
            $table,
            " (\n    id INT PRIMARY KEY\n) ENGINE = InnoDB;\nINSERT IGNORE INTO ",
            $table,
            " WITH RECURSIVE numbers AS (SELECT 0 AS id UNION ALL SELECT id + 1 FROM numbers WHERE id < 255) \
             SELECT id FROM numbers;\n"
        )
    };
}

pub(crate) use lock_table;

/// Waits for the locks of things, which last until the end of the transaction.
pub(crate) async fn lock(session: &impl Session, table: &str, things: &[&[&str]]) -> Result<(), DatabaseError> {
    // In order, so that two transactions never wait for each other.
    let numbers: BTreeSet<i64> = things.iter().map(|parts| lock_key(parts).rem_euclid(ROWS)).collect();
    let rows: Vec<Vec<Value>> = numbers.into_iter().map(|number| vec![number.into()]).collect();
    let wanted = rows::table(&[Column::Int("id")]);
    let lock = format!("SELECT id FROM {wanted} AS wanted STRAIGHT_JOIN {table} USING (id) FOR UPDATE");
    session.query(&lock, &[rows::parameter(&rows)]).await.map(drop)
}
