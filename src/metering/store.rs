//! Where usage and records are kept.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Entry, Recorded, Status};
pub use crate::claim::Claim;
use crate::open_api::push_usage::{RecordCode, UsageRecord};
use crate::timestamp::Timestamp;

/// A store of usage and of the records made from it. Every method is atomic and durable when its future resolves.
pub trait UsageStore: Send + Sync + 'static {
    /// Adds usage to the open sums, all or none. A usage whose period was closed counts after it.
    fn record(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Vec<Recorded>, MeteringError>>;

    /// Makes records of sums whose period ended at `until` or before; at most some hundred at once. Tells how many.
    fn close_periods(&self, until: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>>;

    /// Makes records of all sums of an instance, ending at `end`. Tells how many.
    fn close_instance<'a>(
        &'a self,
        instance_id: &'a str,
        end: Timestamp,
    ) -> BoxFuture<'a, Result<usize, MeteringError>>;

    /// Takes pending records that are due, at most `limit`, for one holder alone until the claim ends.
    fn claim(&self, claim: Claim, limit: usize) -> BoxFuture<'_, Result<Vec<UsageRecord>, MeteringError>>;

    /// Takes held records that are due to be asked about, as [`claim`](Self::claim) takes pending ones. They stay held.
    fn claim_held(&self, claim: Claim, limit: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, MeteringError>>;

    /// Notes what became of records that were claimed. What another holder has claimed since stays as it is, unless it
    /// turns out to be delivered.
    fn settle(&self, claim: Claim, outcomes: Vec<(String, Outcome)>) -> BoxFuture<'_, Result<(), MeteringError>>;

    /// Makes a record that was refused or is held pending again, with the same number, and tells whether there was one.
    fn correct<'a>(
        &'a self,
        metering_sn: &'a str,
        correction: Correction,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, MeteringError>>;

    /// The sums of everything. Records that begin before `risky_before` and are not delivered count as at risk.
    fn status(&self, risky_before: Timestamp) -> BoxFuture<'_, Result<Status, MeteringError>>;

    /// Records in a state, in order of their numbers, from the first after `after`, at most `limit`.
    fn records<'a>(
        &'a self,
        state: RecordState,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, MeteringError>>;

    /// Forgets delivered records and usage ids from before an instant; at most some hundred at once. Tells how many.
    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>>;
}

/// Where a record is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordState {
    /// To be sent, or to be sent again.
    Pending,
    /// Taken by the marketplace.
    Delivered,
    /// Sent, and the answer does not tell whether it was taken or refused. It is asked about alone, with growing pauses,
    /// until an answer is clear.
    Held,
    /// Refused, and waiting to be [corrected](super::Meter::correct).
    Fix,
    /// Refused for good.
    Dead,
}

impl RecordState {
    /// A lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Held => "held",
            Self::Fix => "fix",
            Self::Dead => "dead",
        }
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn from_word(word: &str) -> Option<Self> {
        let states = [Self::Pending, Self::Delivered, Self::Held, Self::Fix, Self::Dead];
        states.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for RecordState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the marketplace did not take a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its code.
    pub code: RecordCode,
    /// Its words, where it gave some.
    pub description: Option<String>,
}

/// What became of a record that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The marketplace has it, from now or from before.
    Delivered,
    /// The push failed, or it was too early: send it again at the time given.
    Retry {
        /// When.
        at: Timestamp,
        /// What the marketplace said, if it was about this record.
        refusal: Option<Refusal>,
    },
    /// The answer does not tell whether it was taken: hold it, and ask again at the time given.
    Held {
        /// When.
        at: Timestamp,
    },
    /// Refused until it is corrected.
    Fix(Refusal),
    /// Refused for good.
    Dead(Refusal),
}

/// What to change in a refused record before it is sent again. Its number stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Correction {
    /// Another begin.
    pub begin_time: Option<Timestamp>,
    /// Another end.
    pub end_time: Option<Timestamp>,
    /// Another package.
    pub package_instance_id: Option<String>,
}

/// A record and what became of it so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRecord {
    /// What is sent.
    pub record: UsageRecord,
    /// Where it is on its way.
    pub state: RecordState,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was refused, if it was.
    pub refusal: Option<Refusal>,
}

/// Why usage could not be recorded or reported.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeteringError {
    /// The usage itself is wrong; nothing was recorded.
    #[error(transparent)]
    Usage(#[from] super::UsageError),
    /// The store failed; nothing was changed.
    #[error("the usage store failed")]
    Store(#[source] Arc<dyn Error + Send + Sync>),
}
