//! Usage, and the period it counts in.

use std::time::Duration;

use time::UtcOffset;

use super::Cycle;
use crate::amount::Amount;
use crate::timestamp::Timestamp;

/// The oldest usage that is accepted: the record of older usage would be refused. The marketplace's limit is 21 days.
pub(super) const OLDEST: Duration = Duration::from_secs(20 * 24 * 3600);
/// The longest time that usage may lie ahead of the clock.
const AHEAD: Duration = Duration::from_secs(300);
/// The most that one usage may be: what a whole record can hold.
const LARGEST: i128 = super::draft::LARGEST as i128;

/// Usage of an instance by its customer.
///
/// ```
/// use koogallery::metering::Usage;
///
/// let usage = Usage::new("inst-0001", "0.5".parse()?).with_id("request-4711");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// The **pay-per-use** instance, at most 64 characters; never a package.
    pub instance_id: String,
    /// The amount in the product's unit: above zero.
    pub amount: Amount,
    /// Time of use (default: now). Reported in whole seconds.
    pub at: Option<Timestamp>,
    /// The package instance from which it is deducted; mandatory for packages that stop when they are used up.
    pub package_instance_id: Option<String>,
    /// The identity of the usage, for instance the id of the customer's request: it counts once, however often it is
    /// recorded within 21 days. Without it every recording counts.
    pub usage_id: Option<String>,
}

impl Usage {
    /// Creates usage of an instance, now.
    pub fn new(instance_id: impl Into<String>, amount: Amount) -> Self {
        Self { instance_id: instance_id.into(), amount, at: None, package_instance_id: None, usage_id: None }
    }

    /// Sets the time of use.
    ///
    /// ```
    /// use koogallery::metering::Usage;
    ///
    /// let usage = Usage::new("inst-0001", "0.5".parse()?)
    ///     .with_time("20260102030405".parse()?)
    ///     .with_package("package-1");
    /// assert_eq!(usage.package_instance_id.as_deref(), Some("package-1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_time(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }

    /// Sets the package from which it is deducted.
    #[must_use]
    pub fn with_package(mut self, package_instance_id: impl Into<String>) -> Self {
        self.package_instance_id = Some(package_instance_id.into());
        self
    }

    /// Sets its identity, so that it counts once.
    #[must_use]
    pub fn with_id(mut self, usage_id: impl Into<String>) -> Self {
        self.usage_id = Some(usage_id.into());
        self
    }

    pub(crate) fn check(self, now: Timestamp, period: Period, cycle: Cycle) -> Result<Entry, UsageError> {
        check_instance_id(&self.instance_id)?;
        self.package_instance_id.as_deref().map_or(Ok(()), check_instance_id)?;
        if self.usage_id.as_deref().is_some_and(|id| id.contains('\0')) {
            return Err(UsageError::UsageId);
        }
        let at = self.at.unwrap_or(now);
        if at > now.saturating_add(AHEAD) {
            return Err(UsageError::Ahead(at));
        }
        if at < now && at.abs_diff(now) > OLDEST {
            return Err(UsageError::TooOld(at));
        }
        check_amount(self.amount)?;
        Ok(Entry { usage: self, at, recorded_at: now, period, cycle })
    }
}

pub(super) fn check_instance_id(id: &str) -> Result<(), UsageError> {
    if !(1..=64).contains(&id.chars().count()) || id.contains('\0') {
        return Err(UsageError::InstanceId);
    }
    Ok(())
}

pub(super) fn check_amount(amount: Amount) -> Result<(), UsageError> {
    match amount.ten_thousandths() {
        Some(1..=LARGEST) => Ok(()),
        _ => Err(UsageError::Amount(amount)),
    }
}

/// Usage that was checked and assigned to a period; made by [`Meter::entry`](super::Meter::entry).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The usage.
    pub usage: Usage,
    /// Time of use.
    pub at: Timestamp,
    /// Time of the recording.
    pub recorded_at: Timestamp,
    /// The time that its record covers.
    pub period: Period,
    /// When the running totals that it adds to begin at zero.
    pub cycle: Cycle,
}

impl Entry {
    /// The amount in ten-thousandths of the product's unit.
    pub(super) fn ten_thousandths(&self) -> i64 {
        self.usage.amount.ten_thousandths().and_then(|amount| i64::try_from(amount).ok()).unwrap_or(i64::MAX)
    }
}

/// The outcome of recording a usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a usage counts or it does not")]
pub enum Recorded {
    /// It was new and counts.
    First,
    /// Usage with this id was recorded before; nothing was added.
    Repeated,
}

/// A reason why usage cannot be billed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// An instance id is empty or longer than 64 characters, or has the character U+0000.
    #[error("invalid instance id: expected 1 to 64 characters")]
    InstanceId,
    /// A usage id has the character U+0000, which not every store can hold.
    #[error("invalid usage id: it has the character U+0000")]
    UsageId,
    /// The amount is not above zero, is larger than a record can hold, or has more than four decimals.
    #[error("invalid usage amount {0}: expected more than 0 and at most 99999999.9999, with at most four decimals")]
    Amount(Amount),
    /// The usage is more than 20 days old; the marketplace takes none of more than 21 days ago.
    #[error("usage of {0} is too old to be billed")]
    TooOld(Timestamp),
    /// The usage lies in the future.
    #[error("usage of {0} is in the future")]
    Ahead(Timestamp),
}

/// The time that one record covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Period {
    /// By the hour: for hourly billing, and what the documents prefer for daily billing too.
    #[default]
    Hourly,
    /// By the day of the given zone. Which zone bounds a billing day is not documented; Beijing (UTC+8) is likely in
    /// China.
    Daily(UtcOffset),
    /// Of any length of at least a second. The marketplace does not bill by it; for demonstrations and compressed time.
    Every(Duration),
}

impl Period {
    /// Returns begin and end of the period in which an instant lies. The end belongs to the next period.
    ///
    /// ```
    /// use koogallery::metering::Period;
    /// use koogallery::timestamp::CHINA;
    ///
    /// let (begin, end) = Period::Daily(CHINA).around("20250102030405".parse()?);
    /// assert_eq!((begin.to_basic_iso(), end.to_basic_iso()), ("20250101T160000Z".into(), "20250102T160000Z".into()));
    /// # Ok::<(), koogallery::timestamp::TimestampError>(())
    /// ```
    pub fn around(self, at: Timestamp) -> (Timestamp, Timestamp) {
        let (length, shift) = match self {
            Self::Hourly => (3_600_000, 0),
            Self::Daily(zone) => (86_400_000, i64::from(zone.whole_seconds()) * 1000),
            Self::Every(length) => (i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1000), 0),
        };
        let local = at.as_unix_millis().saturating_add(shift);
        let begin = local.div_euclid(length).saturating_mul(length).saturating_sub(shift);
        (Timestamp::from_unix_millis(begin), Timestamp::from_unix_millis(begin.saturating_add(length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_678);

    #[test]
    fn periods_begin_and_end_where_the_clock_says() {
        let (begin, end) = Period::Hourly.around(NOW);
        assert_eq!(
            (begin.to_basic_iso().as_str(), end.to_basic_iso().as_str()),
            ("20250102T030000Z", "20250102T040000Z")
        );
        let beijing = UtcOffset::from_hms(8, 0, 0).unwrap();
        let (begin, end) = Period::Daily(beijing).around(NOW);
        assert_eq!(
            (begin.to_basic_iso().as_str(), end.to_basic_iso().as_str()),
            ("20250101T160000Z", "20250102T160000Z")
        );
        assert_eq!(Period::Hourly.around(end).0, end, "an end belongs to the next period");
    }

    #[test]
    fn odd_usage_is_refused() {
        let refused = |usage: Usage| usage.check(NOW, Period::Hourly, Cycle::Never).unwrap_err();
        let one = Amount::from(1);
        for amount in [Amount::ZERO, Amount::from_ten_thousandths(-1), "100000000".parse().unwrap()] {
            assert_eq!(refused(Usage::new("i", amount)), UsageError::Amount(amount));
        }
        assert_eq!(refused(Usage::new("", one)), UsageError::InstanceId);
        assert_eq!(refused(Usage::new("i".repeat(65), one)), UsageError::InstanceId);
        assert_eq!(refused(Usage::new("i", one).with_package("")), UsageError::InstanceId);
        assert_eq!(refused(Usage::new("i\0", one)), UsageError::InstanceId);
        assert_eq!(refused(Usage::new("i", one).with_id("a\0")), UsageError::UsageId);
        let (past, future) = (Timestamp::from_unix_millis(0), NOW.saturating_add(Duration::from_secs(301)));
        assert_eq!(refused(Usage::new("i", one).with_time(past)), UsageError::TooOld(past));
        assert_eq!(refused(Usage::new("i", one).with_time(future)), UsageError::Ahead(future));
    }
}
