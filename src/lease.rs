//! Leases: the exclusive right to work on a stored item for a limited time, in stores that several processes share.

use std::time::Duration;

use crate::random::{Random, RandomError, number};
use crate::timestamp::Timestamp;

/// The right to work on one stored item (an instance, an application, a record) until a point in time.
///
/// A store gives an item to one holder at a time. When the lease is over, another holder may take the item, so a
/// process that dies blocks nothing for longer than its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "claim")]
#[doc(alias = "lock")]
pub struct Lease {
    /// The holder: a random number, drawn for each piece of work.
    pub holder: u128,
    /// The end, when another holder may take the item, unless the lease is extended.
    pub until: Timestamp,
}

impl Lease {
    /// Creates a lease.
    pub const fn new(holder: u128, until: Timestamp) -> Self {
        Self { holder, until }
    }

    /// Creates a lease of a new holder.
    pub(crate) fn draw(random: &dyn Random, now: Timestamp, lasting: Duration) -> Result<Self, RandomError> {
        Ok(Self { holder: number(random)?, until: now.saturating_add(lasting) })
    }

    /// Returns the holder as 32 lower-case hexadecimal digits, for stores without a type for 128 bits.
    pub fn holder_text(self) -> String {
        format!("{:032x}", self.holder)
    }

    /// Returns whether the lease still excludes other holders.
    pub fn is_held_at(self, now: Timestamp) -> bool {
        self.until > now
    }
}
