//! Leases: the exclusive right to work on a stored item for a limited time, in stores that several processes share.

use std::time::Duration;

use crate::random::{Random, RandomError, number};
use crate::timestamp::Timestamp;

/// The right to work on one stored item (an instance, an application, a record) for some time.
///
/// A store gives an item to one holder at a time. When the lease is over, another holder may take the item, so a
/// process that dies blocks nothing for longer than its lease.
///
/// The time counts from the moment at which the store grants or extends the lease, by the clock of the store: a database
/// server uses its own, so that the clocks of its clients need not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "claim")]
#[doc(alias = "lock")]
pub struct Lease {
    /// The holder: a random number, drawn for each piece of work.
    pub holder: u128,
    /// How long other holders cannot take the item, unless the lease is extended.
    pub duration: Duration,
}

impl Lease {
    /// Creates a lease.
    pub const fn new(holder: u128, duration: Duration) -> Self {
        Self { holder, duration }
    }

    /// Creates a lease of a new holder.
    pub(crate) fn draw(random: &dyn Random, duration: Duration) -> Result<Self, RandomError> {
        Ok(Self { holder: number(random)?, duration })
    }

    /// Returns the holder as 32 lower-case hexadecimal digits, for stores without a type for 128 bits.
    pub fn holder_text(self) -> String {
        format!("{:032x}", self.holder)
    }

    /// Returns the duration in milliseconds.
    pub fn duration_millis(self) -> i64 {
        i64::try_from(self.duration.as_millis()).unwrap_or(i64::MAX)
    }

    /// Returns the end of a lease that is granted or extended now.
    pub fn end(self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.duration)
    }
}

/// Why a run of a handler may not mark its change done in a transaction of its own. Roll that back.
///
/// See [`Completion`](crate::ledger::Completion).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// The run no longer has the lease on the instance: another one has taken it over, or the change was marked done
    /// before.
    #[error("lease on instance {0:?} was lost")]
    Lost(String),
    /// The ledger has no such instance: the transaction is not on the database of the service's ledger, or the ledger has
    /// other tables than the service's.
    #[error(
        "instance {0:?} is not in this ledger: the transaction is on another database, or the ledger has another name"
    )]
    UnknownInstance(String),
}

/// The fencing token of a run of the handler, and the end of its lease, by which the writes of a run that has lost its
/// lease can be refused.
///
/// A process can be paused for longer than its lease: its machine is suspended, or overloaded. Another one then takes the
/// instance over, and both write. The ledger refuses the outcome of the first one, but does not see the handler's own
/// writes. So store the token with what the handler writes, and write only where no greater one is stored:
///
/// ```sql
/// UPDATE account SET state = $2, fence = $3 WHERE id = $1 AND fence <= $3
/// ```
///
/// If no row was changed, a later run has written: return an error. The chapter
/// [What happens once](crate::manual::_08_what_happens_once) has an example. For systems that cannot compare, check
/// [`lease_until`](Self::lease_until) before a call that must not be made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "fencing token")]
pub struct Fence {
    /// The number of the run among those of the instance: each later run has a greater one. The first is 1; 0 in test
    /// calls, which run without a lease.
    pub token: u32,
    /// The time, by this process's clock, before which no other process takes the instance over.
    ///
    /// It is as the lease was extended last before the method was called. While the method runs, the service goes on
    /// extending the lease after each third of its duration, so a process that is not paused keeps it for longer.
    pub lease_until: Timestamp,
}

impl Fence {
    /// Creates a fence.
    pub const fn new(token: u32, lease_until: Timestamp) -> Self {
        Self { token, lease_until }
    }
}

impl Default for Fence {
    /// Returns the fence of a call without a lease: it has the token 0, and is over.
    fn default() -> Self {
        Self::new(0, Timestamp::from_unix_millis(0))
    }
}
