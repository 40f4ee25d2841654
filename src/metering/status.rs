//! The totals of reporting.

use std::fmt;

use crate::amount::Amount;
use crate::timestamp::Timestamp;

/// The totals of reporting, in records and in usage. An engine begins with the default and sets the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Open sums of usage, one for each instance, period and package.
    pub open: Total,
    /// To be sent.
    pub pending: Total,
    /// Taken by the marketplace, including deleted records.
    pub delivered: Total,
    /// Sent, but the answer leaves open whether they were taken; retried until an answer is clear.
    pub held: Total,
    /// Refused, and waiting to be corrected.
    pub fix: Total,
    /// Refused permanently.
    pub dead: Total,
    /// Begin of the oldest record that is to be sent or corrected, or is held.
    pub oldest: Option<Timestamp>,
    /// Of those, the ones that will soon be too old to be billed.
    pub at_risk: Total,
}

/// A number of records and the sum of their usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Total {
    /// The number of records.
    pub records: u64,
    /// Their usage.
    pub usage: Amount,
}

impl Total {
    /// Creates a total.
    pub const fn new(records: u64, usage: Amount) -> Self {
        Self { records, usage }
    }
}

/// The text format that Prometheus reads: gauges `koogallery_usage_records` and `koogallery_usage_amount` by `state`,
/// and `koogallery_usage_oldest_timestamp_seconds`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states = [
            ("open", &self.open),
            ("pending", &self.pending),
            ("delivered", &self.delivered),
            ("held", &self.held),
            ("fix", &self.fix),
            ("dead", &self.dead),
            ("at_risk", &self.at_risk),
        ];
        writeln!(f, "# TYPE koogallery_usage_records gauge")?;
        for (state, total) in states {
            writeln!(f, "koogallery_usage_records{{state=\"{state}\"}} {}", total.records)?;
        }
        writeln!(f, "# TYPE koogallery_usage_amount gauge")?;
        for (state, total) in states {
            writeln!(f, "koogallery_usage_amount{{state=\"{state}\"}} {}", total.usage)?;
        }
        if let Some(oldest) = self.oldest {
            writeln!(f, "# TYPE koogallery_usage_oldest_timestamp_seconds gauge")?;
            writeln!(f, "koogallery_usage_oldest_timestamp_seconds {}", oldest.as_unix_millis() / 1000)?;
        }
        Ok(())
    }
}
