//! Events of metering, and their observers.

use std::fmt;

use super::{MeteringError, RecordOutcome, RecordRefusal, ThresholdReached, Total};
use crate::open_api::CallError;
use crate::open_api::push_usage::{Disposition, UsageRecord};
use crate::text::chain::Chain;
use crate::timestamp::Timestamp;

/// An observer of metering, for logs and alarms.
///
/// ```
/// use koogallery::metering::{MeteringEvent, Observer};
///
/// struct Alarm;
///
/// impl Observer for Alarm {
///     fn on_event(&self, event: &MeteringEvent<'_>) {
///         match event {
///             MeteringEvent::Delivered(records) => println!("{} usage records delivered", records.len()),
///             MeteringEvent::AtRisk(at_risk) => eprintln!("page the operator: {at_risk}"),
///             event => eprintln!("{event}"),
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Handles an event. Called on the pusher's task, or on that of a recording, so it must not block.
    fn on_event(&self, event: &MeteringEvent<'_>);
}

/// An event of metering.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum MeteringEvent<'a> {
    /// Records were delivered.
    Delivered(&'a [&'a UsageRecord]),
    /// The marketplace refused a record.
    Rejected(Rejection<'a>),
    /// The marketplace may have taken records or not; they are held from now on.
    Held(Hold<'a>),
    /// Records could not be sent and will be retried.
    PushFailed(PushFailure<'a>),
    /// Records will soon be too old to be billed.
    AtRisk(AtRisk),
    /// The store failed; the pusher retries.
    StoreFailed(&'a MeteringError),
    /// The clock was turned back by more than a minute.
    ClockTurnedBack(ClockTurnedBack),
    /// Usage has reached a threshold of a package or a limit.
    ThresholdReached(ThresholdReached<'a>),
}

impl fmt::Display for MeteringEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered(records) => write!(f, "{} usage records were delivered", records.len()),
            Self::Rejected(rejection) => rejection.fmt(f),
            Self::Held(hold) => hold.fmt(f),
            Self::PushFailed(failure) => failure.fmt(f),
            Self::AtRisk(at_risk) => at_risk.fmt(f),
            Self::StoreFailed(error) => Chain(*error).fmt(f),
            Self::ClockTurnedBack(turned) => turned.fmt(f),
            Self::ThresholdReached(reached) => reached.fmt(f),
        }
    }
}

/// A record that the marketplace refused.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rejection<'a> {
    /// The record.
    pub record: &'a UsageRecord,
    /// The refusal.
    pub refusal: &'a RecordRefusal,
    /// The outcome: retry, correction, or none.
    pub outcome: &'a RecordOutcome,
}

impl<'a> Rejection<'a> {
    /// Creates the event, for tests of an observer.
    pub fn new(record: &'a UsageRecord, refusal: &'a RecordRefusal, outcome: &'a RecordOutcome) -> Self {
        Self { record, refusal, outcome }
    }
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

/// Records that are held, since the marketplace's answer leaves open whether it took them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Hold<'a> {
    /// The records.
    pub records: &'a [&'a UsageRecord],
    /// Time when the first of them is sent alone.
    pub retry_at: Timestamp,
}

impl<'a> Hold<'a> {
    /// Creates the event, for tests of an observer.
    pub fn new(records: &'a [&'a UsageRecord], retry_at: Timestamp) -> Self {
        Self { records, retry_at }
    }
}

impl fmt::Display for Hold<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retry_at = self.retry_at;
        match self.records {
            [record] => {
                let (sn, instance_id) = (&record.metering_sn, &record.instance_id);
                write!(f, "usage record {sn} of instance {instance_id} is held: ")?;
                write!(f, "the answer does not say whether it was taken; it is sent alone after {retry_at}")
            }
            records => {
                let count = records.len();
                write!(f, "{count} usage records are held: the answer refused some and does not say which; ")?;
                write!(f, "each is sent alone after {retry_at}")
            }
        }
    }
}

/// Records that could not be sent.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PushFailure<'a> {
    /// The number of records.
    pub records: usize,
    /// The error.
    pub error: &'a CallError,
    /// Time of the retry.
    pub retry_at: Timestamp,
}

impl<'a> PushFailure<'a> {
    /// Creates the event, for tests of an observer.
    pub fn new(records: usize, error: &'a CallError, retry_at: Timestamp) -> Self {
        Self { records, error, retry_at }
    }
}

impl fmt::Display for PushFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, error, retry_at } = *self;
        write!(f, "{records} usage records could not be sent, retry after {retry_at}: {}", Chain(error))
    }
}

/// Records that will soon be too old to be billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AtRisk {
    /// The number of records and their usage.
    pub total: Total,
    /// The begin of the oldest; 21 days later it is refused.
    pub oldest: Timestamp,
}

impl AtRisk {
    /// Creates the event, for tests of an observer.
    pub fn new(total: Total, oldest: Timestamp) -> Self {
        Self { total, oldest }
    }
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

/// A clock that was turned back by more than a minute between two usages. Reported once; the usage counts by the clock as
/// it is now.
///
/// A time of use that the caller gives and that is more than five minutes ahead of the clock is refused then
/// ([`UsageError::Ahead`](super::UsageError::Ahead)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockTurnedBack {
    /// The latest time before.
    pub from: Timestamp,
    /// The time now.
    pub to: Timestamp,
}

impl ClockTurnedBack {
    /// Creates the event, for tests of an observer.
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to }
    }
}

impl fmt::Display for ClockTurnedBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "the clock was turned back from {from} to {to}: usage may be billed in the wrong period")
    }
}

/// An observer that writes every event except deliveries to standard error.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit struct is made by its name")]
pub struct StderrObserver;

impl Observer for StderrObserver {
    fn on_event(&self, event: &MeteringEvent<'_>) {
        if !matches!(event, MeteringEvent::Delivered(_)) {
            eprintln!("koogallery: {event}");
        }
    }
}
