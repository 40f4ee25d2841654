//! The seller's side of metering: recording, and looking at what became of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Correction, Entry, MeteringError, Period, RecordState, Recorded, Status, StoredRecord, Usage, UsageError,
    UsageStore,
};
use crate::clock::{Clock, SystemClock};
use crate::timestamp::Timestamp;

/// How long before a record is refused as too old its state is called a risk: a week before the 21 days are over.
const RISKY_AFTER: Duration = Duration::from_secs(14 * 24 * 3600);

/// Records usage. Clones share the store.
#[derive(Clone)]
pub struct Meter {
    pub(super) store: Arc<dyn UsageStore>,
    pub(super) clock: Arc<dyn Clock>,
    period: Period,
}

impl Meter {
    /// A meter by the hour, under the system's clock.
    pub fn new(store: impl UsageStore) -> Self {
        Self { store: Arc::new(store), clock: Arc::new(SystemClock), period: Period::default() }
    }

    /// Sets how much time one record covers. Sums that are open keep their period.
    #[must_use]
    pub fn with_period(mut self, period: Period) -> Self {
        self.period = period;
        self
    }

    /// Sets another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Records usage. When this returns, it is on the disk and will be reported. Calls made at the same time share one
    /// commit, so many at once are far cheaper than one after the other.
    ///
    /// # Errors
    ///
    /// The usage cannot be billed, or the store failed; nothing was recorded. Who does not know whether a call of this
    /// returned repeats it with the same [`usage_id`](Usage::usage_id).
    pub async fn record(&self, usage: Usage) -> Result<Recorded, MeteringError> {
        let recorded = self.store.record(vec![self.entry(usage)?]).await?;
        Ok(recorded.first().copied().unwrap_or(Recorded::First))
    }

    /// Records several, all or none, in one commit.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record).
    pub async fn record_all(&self, usages: impl IntoIterator<Item = Usage>) -> Result<Vec<Recorded>, MeteringError> {
        let entries = usages.into_iter().map(|usage| self.entry(usage)).collect::<Result<_, _>>()?;
        self.store.record(entries).await
    }

    /// Checks usage and gives it its place in time, for recording it in a transaction of the seller's own
    /// (`SqliteUsageStore::record_in`).
    ///
    /// # Errors
    ///
    /// The usage cannot be billed.
    pub fn entry(&self, usage: Usage) -> Result<Entry, UsageError> {
        usage.check(self.clock.now(), self.period)
    }

    /// Ends the sums of an instance that was closed, since a record must not end after that. To be called when the instance
    /// is released. Tells how many records that made.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn close_instance(&self, instance_id: &str, closed_at: Timestamp) -> Result<usize, MeteringError> {
        self.store.close_instance(instance_id, closed_at.min(self.clock.now())).await
    }

    /// How reporting stands.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn status(&self) -> Result<Status, MeteringError> {
        self.store.status(self.clock.now().saturating_sub(RISKY_AFTER)).await
    }

    /// Records in a state, in order of their numbers, from the first after `after`, at most `limit`.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn records(
        &self,
        state: RecordState,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, MeteringError> {
        self.store.records(state, after, limit).await
    }

    /// Has a refused or held record sent again, changed where the [`Correction`] says so, under the same number. Returns
    /// whether there was such a record.
    ///
    /// Of a number that the marketplace took before it keeps what came first: such a record comes back as reported before
    /// and ends as delivered, without the correction.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn correct(&self, metering_sn: &str, correction: Correction) -> Result<bool, MeteringError> {
        self.store.correct(metering_sn, correction, self.clock.now()).await
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("period", &self.period).finish_non_exhaustive()
    }
}
