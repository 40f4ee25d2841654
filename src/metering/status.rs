//! How reporting stands.

use std::fmt;

use crate::amount::Amount;
use crate::timestamp::Timestamp;

/// How reporting stands, in records and in usage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Sums of periods that are not over.
    pub open: Total,
    /// To be sent.
    pub pending: Total,
    /// Taken by the marketplace, ever.
    pub delivered: Total,
    /// Sent, and unclear whether the marketplace took them. They are asked about until an answer tells.
    pub held: Total,
    /// Refused, and waiting to be corrected.
    pub fix: Total,
    /// Refused for good.
    pub dead: Total,
    /// Begin of the oldest record that is to be sent or corrected, or is held.
    pub oldest: Option<Timestamp>,
    /// Of those, the ones that will soon be too old to be billed.
    pub at_risk: Total,
}

/// Some records, and what they add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How many.
    pub records: u64,
    /// Their usage.
    pub usage: Amount,
}

/// The text format that Prometheus reads: gauges `koogallery_usage_records` and `koogallery_usage_amount` by `state`, and
/// `koogallery_usage_oldest_timestamp_seconds`.
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
