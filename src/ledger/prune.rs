//! Deleting what is old from a ledger.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Ledger, LedgerError};
use crate::timestamp::Timestamp;

/// A ledger from which old records can be deleted. A [`Housekeeper`](crate::housekeeping::Housekeeper) does so
/// regularly.
///
/// | deleted | kept, however old |
/// |---|---|
/// | instances that were released before the time, with the keys of all their steps | instances that are not released, and those on which a [lease](crate::lease::Lease) lasts |
/// | the [keys](super::Step::key) of steps that were done before the time | the key of a purchase, as long as its instance is kept |
///
/// What is deleted is no longer known. So the time has to be further in the past than any call may be repeated: the
/// marketplace repeats calls for hours, and a person may restart them in the seller console for as long as they are
/// listed there. After it,
///
/// - a purchase that is repeated is a new one: it gets a new instance, and the numbers of its
///   [runs](crate::lease::Fence::token) begin at 1 again;
/// - the instance is unknown to queries and to a repeated release;
/// - a renewal or an upgrade that is repeated is run again.
///
/// The instance of an order notice is never released, and stays.
///
/// The method works on the whole ledger, with the instances of every service and tenant that uses it; the view of
/// [`CallbackService::ledger`](crate::callback::CallbackService::ledger) has no such method. It is not needed to answer
/// calls, so a ledger on another database may do without it. `testing::prunable_ledger` (feature `testing`) checks it.
///
/// ```
/// use std::time::Duration;
///
/// use koogallery::Timestamp;
/// use koogallery::ledger::{LedgerError, PrunableLedger};
///
/// /// Deletes what was released 180 days ago, a thousand instances at a time.
/// async fn clean(ledger: &impl PrunableLedger, now: Timestamp) -> Result<usize, LedgerError> {
///     let before = now.saturating_sub(Duration::from_secs(180 * 24 * 60 * 60));
///     let mut instances = 0;
///     loop {
///         let pruned = ledger.prune(before, 1000, now).await?;
///         instances += pruned.instances;
///         if !pruned.has_more {
///             return Ok(instances);
///         }
///     }
/// }
/// ```
pub trait PrunableLedger: Ledger {
    /// Deletes what was released or done before a time, in one transaction: at most `limit` instances, and besides the
    /// keys of theirs at most `limit` keys of steps. Several processes may do so at the same time.
    ///
    /// A ledger has to store when an instance was released: the `now` of the [`complete`](Ledger::complete) after which
    /// it is so for the first time. Instances for which it does not know the time, since an earlier version has released
    /// them, count as released at the first call.
    ///
    /// `now` is the caller's time, for leases in ledgers without a clock of their own.
    fn prune(&self, before: Timestamp, limit: usize, now: Timestamp) -> BoxFuture<'_, Result<Pruned, LedgerError>>;
}

impl<T: PrunableLedger + ?Sized> PrunableLedger for Arc<T> {
    fn prune(&self, before: Timestamp, limit: usize, now: Timestamp) -> BoxFuture<'_, Result<Pruned, LedgerError>> {
        (**self).prune(before, limit, now)
    }
}

/// What was deleted from a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// The number of instances.
    pub instances: usize,
    /// The number of keys of steps, with those of the instances.
    pub steps: usize,
    /// True if a limit was reached, so that there may be more.
    pub has_more: bool,
}

impl Pruned {
    /// Creates the outcome.
    pub const fn new(instances: usize, steps: usize, has_more: bool) -> Self {
        Self { instances, steps, has_more }
    }
}
