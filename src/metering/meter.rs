//! Recording usage, and inspecting its records.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Correction, Entry, MeteringError, Period, RecordState, Recorded, Status, StoredRecord, Usage, UsageError,
    UsageStore,
};
use crate::clock::{Clock, SystemClock};
use crate::timestamp::Timestamp;

/// Age at which a record counts as at risk: a week before the marketplace refuses it.
const RISKY_AFTER: Duration = Duration::from_secs(14 * 24 * 3600);

/// Records usage durably. Clones share the store.
#[doc(alias = "billing")]
#[doc(alias = "usage")]
#[derive(Clone)]
pub struct Meter {
    pub(super) store: Arc<dyn UsageStore>,
    pub(super) clock: Arc<dyn Clock>,
    period: Period,
}

impl Meter {
    /// Creates a meter with hourly periods and the system clock.
    pub fn new(store: impl UsageStore) -> Self {
        Self { store: Arc::new(store), clock: Arc::new(SystemClock), period: Period::default() }
    }

    /// Sets the time that one record covers (default: [`Period::Hourly`]). Open sums keep their period.
    #[must_use]
    pub fn with_period(mut self, period: Period) -> Self {
        self.period = period;
        self
    }

    /// Sets the clock (default: system clock).
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Records usage. When this returns, it is on disk and will be reported. Calls made at the same time share one
    /// commit, so many at once are far cheaper than one after the other.
    ///
    /// # Errors
    ///
    /// The usage cannot be billed, or the store failed; nothing was recorded. A call whose outcome is unknown can be
    /// retried safely with the same [`usage_id`](Usage::usage_id).
    pub async fn record(&self, usage: Usage) -> Result<Recorded, MeteringError> {
        let recorded = self.store.record(vec![self.entry(usage)?]).await?;
        Ok(recorded.first().copied().unwrap_or(Recorded::First))
    }

    /// Records several usages, all or none, in one commit.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record).
    pub async fn record_all(&self, usages: impl IntoIterator<Item = Usage>) -> Result<Vec<Recorded>, MeteringError> {
        let entries = usages.into_iter().map(|usage| self.entry(usage)).collect::<Result<_, _>>()?;
        self.store.record(entries).await
    }

    /// Checks usage and assigns it to a period, for recording it in a transaction of the seller's own (`record_in` of the
    /// store).
    ///
    /// # Errors
    ///
    /// The usage cannot be billed.
    pub fn entry(&self, usage: Usage) -> Result<Entry, UsageError> {
        usage.check(self.clock.now(), self.period)
    }

    /// Makes records of the open sums of an instance that was closed, since a record must not end after that. To be
    /// called when the instance is released. Returns the number of records.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn close_instance(&self, instance_id: &str, closed_at: Timestamp) -> Result<usize, MeteringError> {
        self.store.close_instance(instance_id, closed_at.min(self.clock.now())).await
    }

    /// Returns the totals of reporting.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn status(&self) -> Result<Status, MeteringError> {
        self.store.status(self.clock.now().saturating_sub(RISKY_AFTER)).await
    }

    /// Returns records in a state, in the order of their numbers, from the first after `after`, at most `limit`.
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

    /// Retries a refused or held record with the changes of the [`Correction`], under the same number. Returns whether
    /// there was such a record.
    ///
    /// Of records with the same number the marketplace keeps the first: a record that it took before is answered as
    /// "reported before" and ends as delivered, without the correction.
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
