//! The server's clock, as it is when it is read: also after a wait for a lock.
//!
//! `NOW` is the time at which the statement began. Differences are exact whatever the year; `UNIX_TIMESTAMP` is not.

use mysql_async::Value;

use super::{DatabaseError, Session, values};
use crate::columns::Columns as _;
use crate::lease::Lease;

/// The server's clock in milliseconds.
pub(crate) const CLOCK: &str = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', SYSDATE(6)) DIV 1000)";

/// Returns the end of a lease that begins when it is read, given its duration in milliseconds. Rounded up, since a
/// holder counts on the whole duration.
pub(crate) fn lease_end(duration: &str) -> String {
    format!("((TIMESTAMPDIFF(MICROSECOND, '1970-01-01', SYSDATE(6)) + 999) DIV 1000 + {duration})")
}

/// Returns the condition for a row that a holder may take, in a table where a row that has no holder is due at a time of its
/// own, and one under a lease is due at the end of the lease. The former compares with the caller's time, the latter
/// with the server's.
pub(crate) fn is_due(now: &str, clock: &str) -> String {
    format!("due_at <= GREATEST({now}, {clock}) AND due_at <= IF(holder IS NULL, {now}, {clock})")
}

/// Reads the server's clock, for a condition that is to use an index: none is used for a clock that goes on.
pub(crate) async fn clock(session: &impl Session) -> Result<i64, DatabaseError> {
    read(session, CLOCK, &[]).await
}

/// Reads the end of a lease that begins now, for leases that several statements grant and that end together.
pub(crate) async fn end_of_lease(session: &impl Session, lease: Lease) -> Result<i64, DatabaseError> {
    read(session, &lease_end("?1"), &values![lease.duration_millis()]).await
}

async fn read(session: &impl Session, clock: &str, values: &[Value]) -> Result<i64, DatabaseError> {
    let row = session.query_opt(&format!("SELECT {clock} AS clock"), values).await?;
    row.ok_or(DatabaseError::Column("clock"))?.int("clock")
}
