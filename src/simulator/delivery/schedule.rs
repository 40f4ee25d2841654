//! How often a failed call is repeated.

use std::time::Duration;

use crate::timestamp::Timestamp;

/// When a call that fails is made again.
///
/// ```
/// use koogallery::simulator::delivery::Schedule;
///
/// let schedule = Schedule::named("v2-2min-2h").ok_or("unknown")?.compressed(120);
/// let begin = "20250102030405".parse()?;
/// let due: Vec<_> = schedule.due(begin).map(|time| time.to_string()).take(3).collect();
/// assert_eq!(due, ["20250102030405", "20250102030406", "20250102030407"]);
/// assert_eq!(schedule.attempts(), 61);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    interval: Duration,
    repeats: u32,
}

const MINUTE: u64 = 60;

impl Schedule {
    /// One call, such as a question during an order.
    pub const ONCE: Self = Self::every(Duration::ZERO, 0);

    /// Hourly for three hours: purchases and upgrades of V1.0, and by one fragment of V2.0. SaaS access guide V1.0 (2025-11);
    /// License access guide V1.
    pub const V1_HOURLY_3H: Self = Self::every(Duration::from_secs(60 * MINUTE), 3);

    /// Every 2 minutes for two hours: the online License, and renewals of SaaS V2.0, whose interval is not documented.
    /// License client software guide (2023-12-26).
    pub const V2_2MIN_2H: Self = Self::every(Duration::from_secs(2 * MINUTE), 60);

    /// For an hour: expiry, renewal and release of V1.0. The interval is not documented; every 10 minutes is taken.
    pub const EXPIRE_1H: Self = Self::every(Duration::from_secs(10 * MINUTE), 6);

    /// Every 2 minutes, up to 60 times: authorization codes. License authorization code guide 2.0 (2025-04-25).
    pub const CODE_60X2MIN: Self = Self::every(Duration::from_secs(2 * MINUTE), 60);

    /// So many repeats after the first call, at this interval.
    pub const fn every(interval: Duration, repeats: u32) -> Self {
        Self { interval, repeats }
    }

    /// By name: `once`, `v1-hourly-3h`, `v2-2min-2h`, `expire-1h`, `code-60x2min`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "once" => Some(Self::ONCE),
            "v1-hourly-3h" => Some(Self::V1_HOURLY_3H),
            "v2-2min-2h" => Some(Self::V2_2MIN_2H),
            "expire-1h" => Some(Self::EXPIRE_1H),
            "code-60x2min" => Some(Self::CODE_60X2MIN),
            _ => None,
        }
    }

    /// The same, so many times as fast.
    #[must_use]
    pub fn compressed(self, factor: u32) -> Self {
        Self { interval: self.interval / factor.max(1), ..self }
    }

    /// How many calls there are, the first included.
    pub const fn attempts(self) -> u32 {
        self.repeats.saturating_add(1)
    }

    /// How long it is from one call to the next.
    pub const fn interval(self) -> Duration {
        self.interval
    }

    /// When the calls are made.
    pub fn due(self, first: Timestamp) -> impl Iterator<Item = Timestamp> {
        (0..self.attempts()).map(move |repeat| first.saturating_add(self.interval.saturating_mul(repeat)))
    }
}
