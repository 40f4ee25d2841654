//! The time of a marketplace: real, fast, or virtual.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use koogallery::clock::{Clock as _, ManualClock, SystemClock};
use koogallery::timestamp::Timestamp;

pub(super) enum Time {
    Real { begun: Timestamp, compression: u32 },
    Virtual(Arc<ManualClock>),
}

impl Time {
    /// Returns the time for signing calls.
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Real { .. } => SystemClock.now(),
            Self::Virtual(clock) => clock.now(),
        }
    }

    /// Returns the time for expiry.
    pub(super) fn calendar(&self) -> Timestamp {
        match self {
            Self::Real { begun, compression } => {
                let passed = SystemClock.now().abs_diff(*begun);
                begun.saturating_add(passed.saturating_mul(*compression))
            }
            Self::Virtual(clock) => clock.now(),
        }
    }

    pub(super) async fn wait(&self, time: Duration) {
        match self {
            Self::Real { compression, .. } => sleep(time / *compression).await,
            Self::Virtual(clock) => clock.advance(time),
        }
    }
}
