//! Stores of usage and of the records made from it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Cycle, Entry, Recorded, RunningTotal, StatementLine, StatementMonth, Status};
use crate::lease::Lease;
use crate::open_api::push_usage::{RecordCode, UsageRecord};
use crate::shareable::shareable;
use crate::timestamp::Timestamp;

shareable! {
    /// A store of usage and of the records made from it. Every method is atomic and durable when its future resolves.
    ///
    /// Usage adds up in sums per instance, period and package. When a period is over, its sums become records by the
    /// rules of [`UsageSum::into_drafts`](super::UsageSum::into_drafts), which an engine uses so that numbers and times
    /// are those of every other engine. `testing::usage_store` (feature `testing`) checks that an engine keeps all
    /// rules.
    ///
    /// ```
    /// use koogallery::lease::Lease;
    /// use koogallery::metering::{Correction, Cycle, MeteringError, UsageStore};
    /// use koogallery::Timestamp;
    ///
    /// /// What an operator's command may do with any store.
    /// async fn tidy(store: &impl UsageStore, lease: Lease, now: Timestamp) -> Result<(), MeteringError> {
    ///     for total in store.totals("inst-0001").await? {
    ///         println!("{} ten-thousandths since {}", total.ten_thousandths, total.cycle_begin);
    ///     }
    ///     for held in store.claim_held(lease, now, 10).await? {
    ///         println!("{} is still unclear", held.record.metering_sn);
    ///     }
    ///     store.correct("sn-1", Correction::default(), Cycle::Never, now).await?;
    ///     store.begin_cycle("inst-0001", now).await?;
    ///     store.close_instance("inst-0002", now).await?;
    ///     println!("{:?}, {} deleted", store.status(now).await?, store.forget(now).await?);
    ///     Ok(())
    /// }
    /// ```
    #[doc(alias = "outbox")]
    pub trait UsageStore: Send + Sync + 'static {
        /// Adds usage to the open sums, all entries or none, and returns for each entry whether it was new.
        ///
        /// An entry counts in the [period around](super::Period::around) its time. If that period has no open sum and
        /// the instance has a record that begins before the period's end and ends after the time, the entry counts from
        /// the end of that record on, and so forth. A sum keeps the time of the usage that opened it.
        ///
        /// In the same transaction each new entry is added to the running total of its instance, and if it names a package
        /// to that of the package with the instance as the related one, each in the [cycle](super::Cycle::begin) in which the
        /// time of the entry lies.
        fn record(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Vec<Recorded>, MeteringError>>;

        /// Returns the running totals of an instance or package, in order of related instance and begin of the cycle. They
        /// stay when records and ids are deleted.
        fn totals<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<Vec<RunningTotal>, MeteringError>>;

        /// Begins a cycle of an instance or package: stores a running total of zero without a related instance, unless there
        /// is one that begins then. Returns whether it was stored.
        fn begin_cycle<'a>(
            &'a self,
            instance_id: &'a str,
            at: Timestamp,
        ) -> BoxFuture<'a, Result<bool, MeteringError>>;

        /// Makes pending records, with `until` as their time and due from then on, of sums whose period ended at
        /// `until` or before; at most some hundred in one call. Returns the number of records.
        fn close_periods(&self, until: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>>;

        /// Makes pending records of all sums of an instance, ending at `end` or with their period if that ends earlier.
        /// Their end is their time, and they are due from then on. Returns the number of records.
        fn close_instance<'a>(
            &'a self,
            instance_id: &'a str,
            end: Timestamp,
        ) -> BoxFuture<'a, Result<usize, MeteringError>>;

        /// Leases pending records that are due at `now` to a holder, at most `limit`, and counts an attempt of each. A
        /// record that another holder has is due at the end of its lease, by the [clock of the store](Lease).
        fn claim(
            &self,
            lease: Lease,
            now: Timestamp,
            limit: usize,
        ) -> BoxFuture<'_, Result<Vec<UsageRecord>, MeteringError>>;

        /// Leases held records that are due, as [`claim`](Self::claim) leases pending ones. They stay held.
        fn claim_held(
            &self,
            lease: Lease,
            now: Timestamp,
            limit: usize,
        ) -> BoxFuture<'_, Result<Vec<StoredRecord>, MeteringError>>;

        /// Stores the outcomes of records that were leased, by their numbers, and ends the leases.
        ///
        /// A record that another holder has leased since stays as it is, unless the outcome is
        /// [`Delivered`](RecordOutcome::Delivered); a delivered record never changes. The last refusal of a record is
        /// kept. In the same transaction a delivered record is added to the [statement](Self::statement) of its month.
        fn settle(
            &self,
            lease: Lease,
            now: Timestamp,
            outcomes: Vec<(String, RecordOutcome)>,
        ) -> BoxFuture<'_, Result<(), MeteringError>>;

        /// Makes a record that was refused or is held pending again, due at once, with the same number. Returns whether
        /// there was such a record. In the same transaction a new package takes the usage of the record over into its
        /// running total, in the given [cycle](Entry::cycle), from that of the former package. An empty text is no package.
        fn correct<'a>(
            &'a self,
            metering_sn: &'a str,
            correction: Correction,
            cycle: Cycle,
            now: Timestamp,
        ) -> BoxFuture<'a, Result<bool, MeteringError>>;

        /// Returns the totals of everything. Records that begin before `risky_before` and wait for an answer or a
        /// correction count as at risk.
        fn status(&self, risky_before: Timestamp) -> BoxFuture<'_, Result<Status, MeteringError>>;

        /// Returns the statement of a month: a line for each instance and package that has records or open sums in it, in
        /// the order of instance and package, no package first, from the first after `after`, at most `limit`. Records
        /// delivered stay in it when they are deleted.
        fn statement<'a>(
            &'a self,
            month: StatementMonth,
            after: Option<&'a StatementLine>,
            limit: usize,
        ) -> BoxFuture<'a, Result<Vec<StatementLine>, MeteringError>>;

        /// Returns records in a state, in the order of their numbers, from the first after `after`, at most `limit`.
        fn records<'a>(
            &'a self,
            state: RecordState,
            after: Option<&'a str>,
            limit: usize,
        ) -> BoxFuture<'a, Result<Vec<StoredRecord>, MeteringError>>;

        /// Deletes records delivered and usage ids recorded before an instant; at most some hundred in one call.
        /// Returns how many were deleted. Deleted records stay in the total of delivered ones.
        fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<usize, MeteringError>>;
    }
}

/// The state of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordState {
    /// To be sent, or to be retried.
    Pending,
    /// Taken by the marketplace.
    Delivered,
    /// Sent, but the answer leaves open whether it was taken or refused. It is sent alone, with growing pauses, until
    /// an answer is clear.
    Held,
    /// Refused, and waiting to be [corrected](super::Meter::correct).
    Fix,
    /// Refused permanently.
    Dead,
}

impl RecordState {
    /// Returns the state as a lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Held => "held",
            Self::Fix => "fix",
            Self::Dead => "dead",
        }
    }

    /// Returns the state of a [word](Self::as_str), or `None` if there is no such state.
    ///
    /// ```
    /// # use koogallery::metering::RecordState;
    /// assert_eq!(RecordState::from_word(RecordState::Held.as_str()), Some(RecordState::Held));
    /// ```
    pub fn from_word(word: &str) -> Option<Self> {
        let states = [Self::Pending, Self::Delivered, Self::Held, Self::Fix, Self::Dead];
        states.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for RecordState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The marketplace's refusal of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordRefusal {
    /// The code.
    pub code: RecordCode,
    /// The description, if there is one.
    pub description: Option<String>,
}

impl RecordRefusal {
    /// Creates a refusal without a description.
    pub fn new(code: RecordCode) -> Self {
        Self { code, description: None }
    }
}

/// The outcome of sending a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordOutcome {
    /// The marketplace has it, from now or from before.
    Delivered,
    /// The push failed, or it was too early: retry at the time given.
    Retry {
        /// Time of the retry.
        at: Timestamp,
        /// The marketplace's refusal, if it was about this record.
        refusal: Option<RecordRefusal>,
    },
    /// The answer leaves open whether it was taken: hold it, and send it alone at the time given.
    Held {
        /// Time of the next attempt.
        at: Timestamp,
    },
    /// Refused until it is corrected.
    Fix(RecordRefusal),
    /// Refused permanently.
    Dead(RecordRefusal),
}

/// The changes of a refused record before it is sent again. Its number stays.
///
/// ```
/// use koogallery::metering::Correction;
///
/// let mut correction = Correction::default();
/// correction.package_instance_id = Some("package-1".to_owned());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Correction {
    /// The new begin.
    pub begin_time: Option<Timestamp>,
    /// The new end.
    pub end_time: Option<Timestamp>,
    /// The new package; an empty text makes it usage of no package, which is billed per use.
    pub package_instance_id: Option<String>,
}

/// A record in a store, with its state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRecord {
    /// The record that is sent.
    pub record: UsageRecord,
    /// Its state.
    pub state: RecordState,
    /// The number of attempts to send it.
    pub attempts: u32,
    /// The last refusal, if it was ever refused.
    pub refusal: Option<RecordRefusal>,
}

impl StoredRecord {
    /// Creates a record that was never sent.
    pub fn new(record: UsageRecord, state: RecordState) -> Self {
        Self { record, state, attempts: 0, refusal: None }
    }
}

/// A failure to record or report usage.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeteringError {
    /// The usage is invalid; nothing was recorded.
    #[error(transparent)]
    Usage(#[from] super::UsageError),
    /// The running total of an instance or package does not fit into the marketplace's answer.
    #[error("running total of {instance_id} is larger than 99999999.9999")]
    TotalTooLarge {
        /// The instance or package.
        instance_id: String,
    },
    /// The store failed; nothing was changed.
    #[error("usage store operation failed")]
    Store(#[source] Arc<dyn Error + Send + Sync>),
}

impl MeteringError {
    /// Wraps the error of the database.
    pub fn store(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Store(Arc::from(error.into()))
    }
}
