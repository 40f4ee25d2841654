//! Retry schedules.

use std::time::Duration;

use koogallery::protocol::Retries;
use koogallery::timestamp::Timestamp;

/// Retry schedule of a failed call.
///
/// ```
/// use koogallery_simulator::delivery::Schedule;
///
/// let schedule = Schedule::named("v2-2min-2h").ok_or("unknown")?.compressed(120);
/// let begin = "20250102030405".parse()?;
/// let due: Vec<_> = schedule.due(begin).map(|time| time.to_string()).take(3).collect();
/// assert_eq!(due, ["20250102030405", "20250102030406", "20250102030407"]);
/// assert_eq!(schedule.attempts(), 61);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "retry")]
#[doc(alias = "backoff")]
pub struct Schedule {
    interval: Duration,
    repeats: u32,
}

impl From<Retries> for Schedule {
    fn from(retries: Retries) -> Self {
        Self::every(retries.interval(), retries.count())
    }
}

impl Schedule {
    /// A single call, such as a query during an order.
    pub const ONCE: Self = Self::every(Duration::ZERO, 0);

    /// Creates a schedule with this many retries after the first call, at this interval.
    pub const fn every(interval: Duration, repeats: u32) -> Self {
        Self { interval, repeats }
    }

    /// Returns a schedule by name: `once`, `v1-hourly-3h`, `v2-2min-2h`, `expire-1h`, `code-60x2min`.
    pub fn named(name: &str) -> Option<Self> {
        let retries = match name {
            "once" => Retries::NONE,
            "v1-hourly-3h" => Retries::HOURLY_FOR_3_HOURS,
            "v2-2min-2h" => Retries::EVERY_2_MINUTES_FOR_2_HOURS,
            "expire-1h" => Retries::FOR_1_HOUR,
            "code-60x2min" => Retries::EVERY_2_MINUTES_60_TIMES,
            _ => return None,
        };
        Some(retries.into())
    }

    /// Returns the same schedule, faster by this factor.
    #[must_use]
    pub fn compressed(self, factor: u32) -> Self {
        Self { interval: self.interval / factor.max(1), ..self }
    }

    /// Returns the number of calls, including the first.
    pub const fn attempts(self) -> u32 {
        self.repeats.saturating_add(1)
    }

    /// Returns the time from one call to the next.
    pub const fn interval(self) -> Duration {
        self.interval
    }

    /// Returns the times of the calls.
    pub fn due(self, first: Timestamp) -> impl Iterator<Item = Timestamp> {
        (0..self.attempts()).map(move |repeat| first.saturating_add(self.interval.saturating_mul(repeat)))
    }
}
