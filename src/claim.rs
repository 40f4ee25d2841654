//! Taking work for oneself, in stores that several processes share.

use std::time::Duration;

use crate::random::{Random, RandomError, number};
use crate::timestamp::Timestamp;

/// The right to work on what a store gives out, for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who has it: a random number.
    pub holder: u128,
    /// When it was asked for.
    pub now: Timestamp,
    /// When others may take over.
    pub until: Timestamp,
}

impl Claim {
    /// A claim of a new holder.
    pub(crate) fn draw(random: &dyn Random, now: Timestamp, lasting: Duration) -> Result<Self, RandomError> {
        Ok(Self { holder: number(random)?, now, until: now.saturating_add(lasting) })
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn holder_text(self) -> String {
        format!("{:032x}", self.holder)
    }
}
