//! Recording usage, and inspecting its records.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::totals::{ShownTotal, shown_totals};
use super::{
    ClockTurnedBack, Correction, Cycle, Entry, MeteringError, MeteringEvent, Observer, Period, RecordState, Recorded,
    StatementLine, StatementMonth, Status, StderrObserver, StoredRecord, Thresholds, Usage, UsageError, UsageStore,
};
use crate::clock::{Clock, SystemClock};
use crate::timestamp::Timestamp;

/// Age at which a record counts as at risk: a week before the marketplace refuses it.
const RISKY_AFTER: Duration = Duration::from_secs(14 * 24 * 3600);

/// How far the clock may go back unnoticed, as it does when it is adjusted.
const ADJUSTED: Duration = Duration::from_secs(60);

/// Records usage durably. Clones share the store.
///
/// ```
/// use futures_util::FutureExt as _;
/// use koogallery::metering::{Correction, Cycle, MemoryUsageStore, Meter, Period, RecordState, StderrObserver, Usage};
/// use koogallery::timestamp::CHINA;
///
/// let meter = Meter::new(MemoryUsageStore::new())
///     .with_period(Period::Daily(CHINA))
///     .with_cycle(Cycle::Never)
///     .with_observer(StderrObserver);
/// let shop = async {
///     let usages = ["request-1", "request-2", "request-2"].map(|id| Usage::new("inst-0001", 3.into()).with_id(id));
///     meter.record_all(usages).await?;
///     meter.begin_cycle("inst-0001", "20260101000000".parse()?).await?; // it was renewed
///     assert_eq!(meter.status().await?.open.usage, 6.into());
///     // There is no record of this number to correct.
///     assert!(!meter.correct("sn-1", Correction::default()).await?);
///     meter.close_instance("inst-0001", "20990101000000".parse()?).await?; // it was released
///     Ok::<(), Box<dyn std::error::Error>>(())
/// };
/// shop.now_or_never().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "用量")]
#[doc(alias = "按需")]
#[doc(alias = "billing")]
#[doc(alias = "usage")]
#[derive(Clone)]
pub struct Meter {
    pub(super) store: Arc<dyn UsageStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) thresholds: Thresholds,
    period: Period,
    pub(super) cycle: Cycle,
    /// The latest time of a usage, in milliseconds.
    latest: Arc<AtomicI64>,
}

impl Meter {
    /// Creates a meter with hourly periods and the system clock.
    pub fn new(store: impl UsageStore) -> Self {
        Self {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            observer: Arc::new(StderrObserver),
            thresholds: Thresholds::default(),
            period: Period::default(),
            cycle: Cycle::default(),
            latest: Arc::new(AtomicI64::new(i64::MIN)),
        }
    }

    /// Sets the time that one record covers (default: [`Period::Hourly`]). Open sums keep their period.
    #[must_use]
    pub fn with_period(mut self, period: Period) -> Self {
        self.period = period;
        self
    }

    /// Sets when running totals begin at zero again (default: [`Cycle::Never`]). To be set before the first usage, and alike
    /// in all processes: a change holds for usage that is recorded after it. Only [`Cycle::Never`] shows the usage of all
    /// former cycles together.
    #[must_use]
    pub fn with_cycle(mut self, cycle: Cycle) -> Self {
        self.cycle = cycle;
        self
    }

    /// Sets the observer of thresholds and of the clock, and of the pushers that are made with this meter (default: [`StderrObserver`]). If it
    /// panics, nothing else changes: what it is called for is on disk.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Sets the thresholds of packages and of [limits](super::Limit) (default: 80 and 100 percent).
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Sets the clock (default: system clock).
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Records usage. When this returns, it is on disk and will be reported. Where a period was reported already, the usage
    /// counts in the next one. A clock that was turned back is reported
    /// ([`ClockTurnedBack`](MeteringEvent::ClockTurnedBack)), and refuses no usage. Calls made at the same time share one
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
        usage.check(self.checked_now(), self.period, self.cycle)
    }

    /// Returns the time of now, and reports once if the clock was turned back.
    fn checked_now(&self) -> Timestamp {
        let now = self.clock.now();
        let latest = Timestamp::from_unix_millis(self.latest.fetch_max(now.as_unix_millis(), Ordering::Relaxed));
        if now.saturating_add(ADJUSTED) < latest {
            let [from, to] = [latest, now].map(Timestamp::as_unix_millis);
            if self.latest.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                self.notify(&MeteringEvent::ClockTurnedBack(ClockTurnedBack::new(latest, now)));
            }
        }
        now
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

    /// Calls the observer. Its panic ends here, after the panic hook has reported it.
    pub(super) fn notify(&self, event: &MeteringEvent<'_>) {
        drop(catch_unwind(AssertUnwindSafe(|| self.observer.on_event(event))));
    }

    /// Returns the usage of an instance in the cycle of now, and the time of now.
    pub(crate) async fn shown_totals(&self, instance_id: &str) -> Result<(Vec<ShownTotal>, Timestamp), MeteringError> {
        let totals = self.store.totals(instance_id).await?;
        let now = self.clock.now();
        Ok((shown_totals(instance_id, &totals, self.cycle, now)?, now))
    }

    /// Begins a cycle of an instance or package at a time, where cycles begin [at renewals](Cycle::AtRenewal); to be called
    /// when it is renewed, with the time from which the renewal holds. Returns whether it was new: repeated with the same
    /// time, it changes nothing.
    ///
    /// Usage that is recorded from now on counts in the cycle of its time. What was recorded before stays where it is. So a
    /// time in the future is best, and one in the past leaves in the former cycle what was used since.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn begin_cycle(&self, instance_id: &str, at: Timestamp) -> Result<bool, MeteringError> {
        self.store.begin_cycle(instance_id, at).await
    }

    /// Returns the totals of reporting.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn status(&self) -> Result<Status, MeteringError> {
        self.store.status(self.clock.now().saturating_sub(RISKY_AFTER)).await
    }

    /// Returns the statement of a month, to be compared with the marketplace's: what was delivered and what was not, by
    /// instance and package, in that order, from the first line after `after`, at most `limit`. `koogallery statement` writes
    /// it as CSV or JSON.
    ///
    /// Records delivered stay in it when they are deleted. Each page reads all that is not delivered, so a page should be
    /// large, as of 1,000 lines.
    ///
    /// ```
    /// use koogallery::metering::{Meter, MeteringError, StatementLine, StatementMonth};
    ///
    /// # async fn example(meter: Meter, month: StatementMonth) -> Result<Vec<StatementLine>, MeteringError> {
    /// let mut lines: Vec<StatementLine> = Vec::new();
    /// loop {
    ///     let page = meter.statement(month, lines.last(), 1000).await?;
    ///     if page.is_empty() {
    ///         return Ok(lines);
    ///     }
    ///     lines.extend(page);
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn statement(
        &self,
        month: StatementMonth,
        after: Option<&StatementLine>,
        limit: usize,
    ) -> Result<Vec<StatementLine>, MeteringError> {
        self.store.statement(month, after, limit).await
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
    /// With the package the usage moves from one running total to the other, so that totals are of what will be billed. What a
    /// [`PackageBook`](super::package::PackageBook) has deducted stays as it is.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn correct(&self, metering_sn: &str, correction: Correction) -> Result<bool, MeteringError> {
        self.store.correct(metering_sn, correction, self.cycle, self.clock.now()).await
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("period", &self.period).finish_non_exhaustive()
    }
}
