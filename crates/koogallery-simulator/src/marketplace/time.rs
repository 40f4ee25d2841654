//! The time of a marketplace: real, fast, or virtual.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use koogallery::clock::{Clock as _, ManualClock, SystemClock};
use koogallery::timestamp::Timestamp;

/// The calendar stops where the year 9999 begins: later times cannot be written in the marketplace's forms.
pub(super) const LAST: Timestamp = Timestamp::from_unix_millis(253_370_764_800_000);

pub(super) enum Time {
    Real {
        begun: Timestamp,
        compression: u32,
        /// By how much the calendar was moved forward.
        moved: watch::Sender<Duration>,
    },
    Virtual(Arc<ManualClock>),
}

impl Time {
    pub(super) fn real(compression: u32) -> Self {
        Self::Real { begun: SystemClock.now(), compression, moved: watch::Sender::new(Duration::ZERO) }
    }

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
            Self::Real { begun, compression, moved } => {
                let passed = SystemClock.now().abs_diff(*begun).saturating_mul(*compression);
                begun.saturating_add(passed.saturating_add(*moved.borrow())).min(LAST)
            }
            Self::Virtual(clock) => clock.now(),
        }
    }

    /// Moves the calendar forward.
    pub(super) fn advance(&self, by: Duration) {
        let now = self.calendar();
        let by = by.min(LAST.max(now).abs_diff(now));
        match self {
            Self::Real { moved, .. } => moved.send_modify(|moved| *moved = moved.saturating_add(by)),
            Self::Virtual(clock) => clock.advance(by),
        }
    }

    /// Waits in calendar time: less where the calendar is moved meanwhile.
    pub(super) async fn wait(&self, time: Duration) {
        match self {
            Self::Real { compression, moved, .. } => {
                let (begun, mut moves) = (Instant::now(), moved.subscribe());
                let before = *moves.borrow_and_update();
                loop {
                    let left = time.saturating_sub(moves.borrow_and_update().saturating_sub(before));
                    tokio::select! {
                        () = sleep_until(begun + left / *compression) => return,
                        _ = moves.changed() => {}
                    }
                }
            }
            Self::Virtual(_) => self.advance(time),
        }
    }
}
