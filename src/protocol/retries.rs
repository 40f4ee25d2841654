//! Retry schedule of the marketplace's calls.

use std::time::Duration;

/// Retry schedule of a call that was not answered with success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retries {
    interval: Duration,
    count: u32,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Retries {
    /// No retry, as of a question during an order.
    pub const NONE: Self = Self::new(Duration::ZERO, 0);

    /// Hourly for three hours: purchases and upgrades of V1.0, and by one fragment of V2.0. SaaS access guide V1.0
    /// (2025-11); License access guide V1.
    pub const HOURLY_FOR_3_HOURS: Self = Self::new(MINUTE.saturating_mul(60), 3);

    /// Every 2 minutes for two hours: the online License, and renewals of SaaS V2.0, whose interval is not documented.
    /// License client software guide (2023-12-26).
    pub const EVERY_2_MINUTES_FOR_2_HOURS: Self = Self::new(MINUTE.saturating_mul(2), 60);

    /// For an hour: expiry, renewal and release of V1.0. The interval is not documented; every 10 minutes is taken.
    pub const FOR_1_HOUR: Self = Self::new(MINUTE.saturating_mul(10), 6);

    /// Every 2 minutes, up to 60 times: authorization codes. License authorization code guide 2.0 (2025-04-25).
    pub const EVERY_2_MINUTES_60_TIMES: Self = Self::new(MINUTE.saturating_mul(2), 60);

    /// Creates retries at an interval, after the first call.
    pub const fn new(interval: Duration, count: u32) -> Self {
        Self { interval, count }
    }

    /// Returns the time from one call to the next.
    pub const fn interval(self) -> Duration {
        self.interval
    }

    /// Returns how many calls may follow the first one.
    pub const fn count(self) -> u32 {
        self.count
    }
}
