//! Thresholds of packages and limits.

use std::fmt;

use crate::amount::Amount;
use crate::timestamp::Timestamp;

/// Parts of a quota or limit, in percent, that are reported when they are used: from 1 to 100, each once (default: 80
/// and 100).
///
/// ```
/// use koogallery::metering::{MemoryUsageStore, Meter, Thresholds};
///
/// let meter = Meter::new(MemoryUsageStore::new()).with_thresholds(Thresholds::new([50, 90, 100])?);
/// # Ok::<(), koogallery::metering::ThresholdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds(Vec<u8>);

impl Thresholds {
    /// Creates thresholds in any order; none if there are none, so that nothing is reported.
    ///
    /// # Errors
    ///
    /// One is not from 1 to 100.
    pub fn new(percents: impl IntoIterator<Item = u8>) -> Result<Self, ThresholdError> {
        let mut percents: Vec<u8> = percents.into_iter().collect();
        if let Some(odd) = percents.iter().find(|percent| !(1..=100).contains(*percent)) {
            return Err(ThresholdError(*odd));
        }
        percents.sort_unstable();
        percents.dedup();
        Ok(Self(percents))
    }

    /// Returns the thresholds that a usage of a limit has reached, smallest first.
    pub(super) fn reached(&self, used: Amount, limit: Amount) -> impl Iterator<Item = u8> {
        let [used, limit] = [used, limit].map(|amount| amount.ten_thousandths().unwrap_or(i128::MAX / 1000));
        self.0.iter().copied().filter(move |percent| used * 100 >= limit * i128::from(*percent))
    }

    /// Returns the thresholds that were reached between two usages and their limits.
    pub(super) fn newly_reached(&self, before: (Amount, Amount), after: (Amount, Amount)) -> Vec<u8> {
        let mut reached: Vec<u8> = self.reached(after.0, after.1).collect();
        if !reached.is_empty() {
            let known: Vec<u8> = self.reached(before.0, before.1).collect();
            reached.retain(|percent| !known.contains(percent));
        }
        reached
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self(vec![80, 100])
    }
}

/// A threshold is not from 1 to 100 percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid threshold of {0} %: expected 1 to 100")]
pub struct ThresholdError(u8);

/// Usage that has reached a threshold of a package, or of a seller's [limit](super::Limit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThresholdReached<'a> {
    /// The pay-per-use instance, which is one billing item.
    pub instance_id: &'a str,
    /// The package; `None` for a limit on the instance.
    pub package_instance_id: Option<&'a str>,
    /// The threshold in percent.
    pub percent: u8,
    /// What is used by now, in the product's unit.
    pub used: Amount,
    /// The quota of the package, or the limit.
    pub limit: Amount,
    /// For a limit, the [begin](super::Cycle::begin) of the cycle in which the usage counts.
    pub cycle_begin: Option<Timestamp>,
}

impl<'a> ThresholdReached<'a> {
    /// Creates the event of a limit in a cycle without a begin, given the pay-per-use instance, the threshold in percent,
    /// what is used, and the limit.
    pub fn new(instance_id: &'a str, percent: u8, used: Amount, limit: Amount) -> Self {
        Self { instance_id, package_instance_id: None, percent, used, limit, cycle_begin: None }
    }
}

impl fmt::Display for ThresholdReached<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instance_id, package_instance_id, percent, used, limit, .. } = *self;
        match package_instance_id {
            Some(package) => write!(f, "package {package} of instance {instance_id}: ")?,
            None => write!(f, "limit of instance {instance_id}: ")?,
        }
        write!(f, "{used} of {limit} are used, {percent} % or more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_reached_exactly() {
        let amount = Amount::from_ten_thousandths;
        let reached = |used, limit| Thresholds::default().reached(amount(used), amount(limit)).collect::<Vec<u8>>();
        assert_eq!(reached(7_999_999, 10_000_000), [0_u8; 0]);
        assert_eq!(reached(8_000_000, 10_000_000), [80]);
        assert_eq!(reached(9_999_999, 10_000_000), [80]);
        assert_eq!(reached(10_000_000, 10_000_000), [80, 100]);
        // 80 % of 0.0003 are 0.00024.
        assert_eq!((reached(2, 3), reached(3, 3)), (vec![], vec![80, 100]));
        assert_eq!(reached(999_999_999_999, 999_999_999_999), [80, 100]);
    }

    #[test]
    fn what_was_reached_is_not_reached_again() {
        let thresholds = Thresholds::new([100, 50, 50]).unwrap();
        let newly = |before: (u32, u32), after: (u32, u32)| {
            let [before, after] = [before, after].map(|(used, limit)| (used.into(), limit.into()));
            thresholds.newly_reached(before, after)
        };
        assert_eq!(newly((0, 10), (10, 10)), [50, 100]);
        assert_eq!(newly((5, 10), (9, 10)), [0_u8; 0]);
        assert_eq!(newly((10, 10), (10, 10)), [0_u8; 0]);
        assert_eq!(newly((5, 10), (5, 20)), [0_u8; 0], "a larger quota");
        assert_eq!(newly((5, 20), (5, 5)), [50, 100], "a smaller quota");
        assert_eq!(newly((5, 20), (10, 20)), [50], "again, of the larger quota");
    }

    #[test]
    fn odd_thresholds_are_refused() {
        assert_eq!(Thresholds::new([]), Ok(Thresholds(vec![])));
        for odd in [0, 101, 255] {
            let error = Thresholds::new([80, odd]).unwrap_err();
            assert_eq!(error.to_string(), format!("invalid threshold of {odd} %: expected 1 to 100"));
        }
    }
}
