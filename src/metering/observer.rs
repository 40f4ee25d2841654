//! Telling the seller how reporting goes.

use std::fmt;

use super::{MeteringError, Outcome, Refusal, Total};
use crate::open_api::CallError;
use crate::open_api::push_usage::{Disposition, UsageRecord};
use crate::text::chain::Chain;
use crate::timestamp::Timestamp;

/// Is told how reporting goes. Called on the pusher's task: do not block.
pub trait Observer: Send + Sync + 'static {
    /// Records were delivered.
    fn delivered(&self, records: &[&UsageRecord]) {
        let _ = records;
    }

    /// The marketplace refused a record.
    fn rejected(&self, rejection: &Rejection<'_>);

    /// It is unclear whether the marketplace took records, and they are held from now on.
    fn held(&self, hold: &Hold<'_>);

    /// Records could not be sent; they will be sent again.
    fn push_failed(&self, failure: &PushFailure<'_>);

    /// Records will soon be too old to be billed.
    fn at_risk(&self, at_risk: &AtRisk);

    /// The store failed; the pusher tries again.
    fn store_failed(&self, error: &MeteringError);
}

/// A record that the marketplace refused.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rejection<'a> {
    /// The record.
    pub record: &'a UsageRecord,
    /// Why.
    pub refusal: &'a Refusal,
    /// What becomes of it.
    pub outcome: &'a Outcome,
}

impl fmt::Display for Rejection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (meaning, disposition) = self.refusal.code.meaning();
        let follows = match disposition {
            Disposition::Retry => "it will be sent again",
            Disposition::Fix => "it waits to be corrected",
            _ => "it will not be billed",
        };
        let (sn, instance_id, code) = (&self.record.metering_sn, &self.record.instance_id, self.refusal.code.as_str());
        write!(f, "usage record {sn} of instance {instance_id} was refused with {code} ({meaning}); {follows}")
    }
}

/// Records that are held since the marketplace's answer does not tell whether it took them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Hold<'a> {
    /// The records.
    pub records: &'a [&'a UsageRecord],
    /// When the first of them is asked about again.
    pub ask_at: Timestamp,
}

impl fmt::Display for Hold<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ask_at = self.ask_at;
        match self.records {
            [record] => {
                let (sn, instance_id) = (&record.metering_sn, &record.instance_id);
                write!(f, "usage record {sn} of instance {instance_id} is held: ")?;
                write!(f, "the answer does not tell whether it was taken; it is asked about after {ask_at}")
            }
            records => {
                write!(
                    f,
                    "{} usage records are held: the answer refused some and does not tell which; ",
                    records.len()
                )?;
                write!(f, "each is asked about alone after {ask_at}")
            }
        }
    }
}

/// Records that could not be sent.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PushFailure<'a> {
    /// How many.
    pub records: usize,
    /// Why.
    pub error: &'a CallError,
    /// When they will be sent again.
    pub retry_at: Timestamp,
}

impl fmt::Display for PushFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} usage records could not be sent, again after {}: {}",
            self.records,
            self.retry_at,
            Chain(self.error)
        )
    }
}

/// Records that will soon be too old to be billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AtRisk {
    /// How many, and how much.
    pub total: Total,
    /// The begin of the oldest; 21 days later it is refused.
    pub oldest: Timestamp,
}

impl fmt::Display for AtRisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (records, oldest) = (self.total.records, self.oldest);
        write!(
            f,
            "{records} usage records since {oldest} are undelivered and cannot be billed 21 days after their begin"
        )
    }
}

/// Writes to standard error what somebody must know.
#[derive(Clone, Copy, Debug, Default)]
pub struct StderrObserver;

impl Observer for StderrObserver {
    fn rejected(&self, rejection: &Rejection<'_>) {
        eprintln!("koogallery: {rejection}");
    }

    fn held(&self, hold: &Hold<'_>) {
        eprintln!("koogallery: {hold}");
    }

    fn push_failed(&self, failure: &PushFailure<'_>) {
        eprintln!("koogallery: {failure}");
    }

    fn at_risk(&self, at_risk: &AtRisk) {
        eprintln!("koogallery: {at_risk}");
    }

    fn store_failed(&self, error: &MeteringError) {
        eprintln!("koogallery: {}", Chain(error));
    }
}
