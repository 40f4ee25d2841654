//! Sending records in the background.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};

use super::delivery::{Verdict, limit_broken, verdict, verdict_of_error};
use super::{AtRisk, Hold, Meter, MeteringError, MeteringEvent, Observer, PushFailure, RecordOutcome, Rejection};
use crate::backoff;
use crate::lease::Lease;
use crate::open_api::push_usage::{MAX_RECORDS, Request, UsageRecord};
use crate::open_api::{Api, CallError, Client};
use crate::random::{OsRandom, Random};
use crate::runtime::Runtime;
use crate::timestamp::Timestamp;
use crate::transport::TransportError;

/// Delivered records and usage ids are kept this long, so that late usage is recognized and deliveries can be looked
/// up.
const KEPT_FOR: Duration = Duration::from_secs(40 * 24 * 3600);
const CHORES_EVERY: Duration = Duration::from_secs(3600);
/// The pause after the first failed push, and for records that came before their instance was ready.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const TOO_EARLY_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The pause before a held record is asked about first; the pauses after it double. An answer that was unclear is so
/// for some time, and a person has to look.
const FIRST_ASK: Duration = Duration::from_secs(60);
/// Searches in a batch, of at most 12 pushes each: enough for a few bad records, and an end where most are bad.
const MOST_SEARCHES: usize = 4;
/// Unclear answers after which no more held records are asked about for a while, so that a thousand of them do not make
/// a thousand pushes a run.
const UNCLEAR_ASKS: u32 = 3;
/// Clear answers in a row after which held records are asked about together: the answers can be read again.
const CLEAR_ASKS: u32 = 10;

/// A background worker that sends the usage recorded by a [`Meter`]. Any number of pushers, in any number of processes,
/// may work on one store: each record is sent by one of them at a time.
#[doc(alias = "按需使用量推送")]
pub struct Pusher {
    meter: Meter,
    client: Client,
    runtime: Arc<dyn Runtime>,
    observer: Arc<dyn Observer>,
    random: Arc<dyn Random>,
    interval: Duration,
    grace: Duration,
    longest_pause: Duration,
    lease: Duration,
    batch: usize,
    /// Pushes that failed as a whole, in a row.
    failures: AtomicU32,
    /// Runs that ended in unclear answers about held records, in a row, and when the next may begin.
    unclear_asks: AtomicU32,
    ask_after: AtomicI64,
    chores_due: AtomicI64,
}

/// The result of one run of a [`Pusher`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushSummary {
    /// Records made of periods that were over.
    pub closed: usize,
    /// Records delivered.
    pub delivered: usize,
    /// Records that the marketplace refused.
    pub rejected: usize,
    /// Records that are held from now on, since the marketplace may have taken them or not.
    pub held: usize,
    /// Records that will be retried, since it is unknown whether they arrived.
    pub failed: usize,
}

/// A lease on records, and when it was taken.
#[derive(Clone, Copy)]
struct Claim {
    lease: Lease,
    at: Timestamp,
}

impl Pusher {
    /// Creates a pusher with the documented cadence: a period is sent within two minutes after its end. The client
    /// needs the access key of the basic interface.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use koogallery::metering::{Meter, MeteringError, Pusher, StderrObserver};
    /// use koogallery::open_api::Client;
    /// use koogallery::runtime::Runtime;
    ///
    /// /// Sends what is due, for a program that a timer of the system starts.
    /// async fn push(meter: Meter, client: Client, runtime: impl Runtime) -> Result<usize, MeteringError> {
    ///     let pusher = Pusher::new(meter, client, runtime)
    ///         .with_observer(StderrObserver)
    ///         .with_random(koogallery::random::OsRandom)
    ///         .with_interval(Duration::from_secs(10))
    ///         .with_grace(Duration::from_secs(120)) // for what is recorded late
    ///         .with_longest_pause(Duration::from_secs(300))
    ///         .with_lease(Duration::from_secs(60))
    ///         .with_batch(500);
    ///     Ok(pusher.run_once().await?.delivered)
    /// }
    /// ```
    pub fn new(meter: Meter, client: Client, runtime: impl Runtime) -> Self {
        Self {
            observer: Arc::clone(&meter.observer),
            meter,
            client,
            runtime: Arc::new(runtime),
            random: Arc::new(OsRandom),
            interval: Duration::from_secs(30),
            grace: Duration::from_secs(60),
            longest_pause: Duration::from_secs(15 * 60),
            lease: Duration::from_secs(5 * 60),
            batch: MAX_RECORDS,
            failures: AtomicU32::new(0),
            unclear_asks: AtomicU32::new(0),
            ask_after: AtomicI64::new(i64::MIN),
            chores_due: AtomicI64::new(i64::MIN),
        }
    }

    /// Sets the observer (default: that of the [meter](Meter::with_observer)).
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Sets the source of randomness for pauses and leases (default: the operating system's).
    #[must_use]
    pub fn with_random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Sets the interval between runs (default: 30 seconds).
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets how long to wait after a period for usage that is still on its way to the store (default: 1 minute). The
    /// marketplace asks for the report within 15 minutes.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets the longest pause before a record is retried (default: 15 minutes). Pauses double; they begin at 5 seconds
    /// after a push that failed, and at a minute for held records.
    #[must_use]
    pub fn with_longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    /// Sets the lease on records that are being sent, after which another pusher may send them if this process has died
    /// (default: 5 minutes). A push times out after half of it.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets the number of records per push (default and maximum: 1000). (One page of the documents says 100.)
    #[must_use]
    pub fn with_batch(mut self, records: usize) -> Self {
        self.batch = records.clamp(1, MAX_RECORDS);
        self
    }

    /// Runs until `stop` is ready, and then ends after the current push.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        loop {
            if let Err(error) = self.run_once().await {
                self.observer.on_event(&MeteringEvent::StoreFailed(&error));
            }
            if let Either::Right(_) = select(self.runtime.sleep(self.interval), &mut stop).await {
                return;
            }
        }
    }

    /// Closes periods that are over, sends everything that is due and retries held records, once.
    ///
    /// # Errors
    ///
    /// The store failed. Records whose outcome could not be stored are sent again, with the same numbers.
    pub async fn run_once(&self) -> Result<PushSummary, MeteringError> {
        let mut summary = PushSummary { closed: self.close_periods().await?, ..PushSummary::default() };
        loop {
            let claim = self.claim()?;
            let records = self.meter.store.claim(claim.lease, claim.at, self.batch).await?;
            if records.is_empty() {
                self.ask_about_held(&mut summary).await?;
                break;
            }
            if self.deliver(claim, records, &mut summary).await?.is_break() {
                // The rest would fail as well; it is due at the next run.
                break;
            }
        }
        self.do_chores().await?;
        Ok(summary)
    }

    async fn close_periods(&self) -> Result<usize, MeteringError> {
        let until = self.meter.clock.now().saturating_sub(self.grace);
        let mut closed = 0;
        loop {
            match self.meter.store.close_periods(until).await? {
                0 => return Ok(closed),
                more => closed += more,
            }
        }
    }

    fn claim(&self) -> Result<Claim, MeteringError> {
        let at = self.meter.clock.now();
        let lease = Lease::draw(&*self.random, self.lease).map_err(MeteringError::store)?;
        Ok(Claim { lease, at })
    }

    /// Sends records and stores their outcomes. Breaks off when a push failed.
    async fn deliver(
        &self,
        claim: Claim,
        records: Vec<UsageRecord>,
        summary: &mut PushSummary,
    ) -> Result<ControlFlow<()>, MeteringError> {
        let mut left = vec![records];
        while let Some(mut records) = left.pop() {
            match self.push(claim, &records).await {
                Ok(Verdict::Each(outcomes)) => {
                    let is_alone = records.len() == 1;
                    let unclear = self.settle(claim, records, outcomes, summary).await?;
                    if self.search(claim, unclear, is_alone, summary).await?.is_break() && left.is_empty() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(Verdict::TooMany) => {
                    let second = records.split_off(records.len() / 2);
                    left.extend([second, records]);
                }
                Err(error) => {
                    left.push(records);
                    let records = left.concat();
                    let at = self.after_failure(records.len(), &error);
                    let outcomes = vec![Some(RecordOutcome::Retry { at, refusal: None }); records.len()];
                    self.settle(claim, records, outcomes, summary).await?;
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Looks for the record for which an answer was unclear, and holds what stays unclear. Breaks off when a push
    /// failed.
    ///
    /// A half of the suspects is pushed; if its answer is clear, the other half holds the record and need not be
    /// pushed, and if not, the other half is put aside. All that was put aside is pushed together in the end. So one
    /// bad record of 1000 costs the first push, ten halves, its own push and one for the others, 13 in all. Repeated
    /// pushes of good records may be unclear as well, and then halving leads nowhere: it goes on only as long as
    /// answers are clear now and then.
    async fn search(
        &self,
        claim: Claim,
        mut suspects: Vec<UsageRecord>,
        mut is_alone: bool,
        summary: &mut PushSummary,
    ) -> Result<ControlFlow<()>, MeteringError> {
        let mut unclear = Vec::new();
        for _ in 0..MOST_SEARCHES {
            let (mut aside, mut is_any_clear) = (Vec::new(), false);
            while suspects.len() > 1 || !is_alone && !suspects.is_empty() {
                let rest = suspects.split_off(suspects.len().div_ceil(2));
                let asked = suspects.len();
                suspects = match self.ask(claim, suspects, summary).await? {
                    ControlFlow::Continue(left) => left,
                    ControlFlow::Break(left) => {
                        self.hold(claim, [left, rest, aside, unclear].concat(), summary).await?;
                        return Ok(ControlFlow::Break(()));
                    }
                };
                is_any_clear |= suspects.len() < asked;
                is_alone = asked == 1;
                if suspects.is_empty() {
                    (suspects, is_alone) = (rest, false);
                } else {
                    aside.extend(rest);
                }
            }
            unclear.append(&mut suspects);
            if aside.is_empty() {
                break;
            }
            is_alone = aside.len() == 1;
            let asked = aside.len();
            suspects = match self.ask(claim, aside, summary).await? {
                ControlFlow::Continue(left) => left,
                ControlFlow::Break(left) => {
                    self.hold(claim, [left, unclear].concat(), summary).await?;
                    return Ok(ControlFlow::Break(()));
                }
            };
            is_any_clear |= suspects.len() < asked;
            if !is_any_clear {
                break;
            }
        }
        unclear.append(&mut suspects);
        self.hold(claim, unclear, summary).await?;
        Ok(ControlFlow::Continue(()))
    }

    /// Pushes records and stores the outcomes that are clear. Returns the other records; breaks off when the push
    /// failed.
    async fn ask(
        &self,
        claim: Claim,
        records: Vec<UsageRecord>,
        summary: &mut PushSummary,
    ) -> Result<ControlFlow<Vec<UsageRecord>, Vec<UsageRecord>>, MeteringError> {
        match self.push(claim, &records).await {
            Ok(Verdict::Each(outcomes)) => {
                Ok(ControlFlow::Continue(self.settle(claim, records, outcomes, summary).await?))
            }
            Ok(Verdict::TooMany) => Ok(ControlFlow::Continue(records)),
            Err(error) => {
                self.after_failure(records.len(), &error);
                Ok(ControlFlow::Break(records))
            }
        }
    }

    /// Holds records whose answer was unclear.
    async fn hold(
        &self,
        claim: Claim,
        records: Vec<UsageRecord>,
        summary: &mut PushSummary,
    ) -> Result<(), MeteringError> {
        if records.is_empty() {
            return Ok(());
        }
        let ask_at = self.ask_at(0);
        let outcomes = records.iter().map(|record| (record.metering_sn.clone(), RecordOutcome::Held { at: ask_at }));
        self.meter.store.settle(claim.lease, claim.at, outcomes.collect()).await?;
        summary.held += records.len();
        let records: Vec<_> = records.iter().collect();
        self.observer.on_event(&MeteringEvent::Held(Hold { records: &records, retry_at: ask_at }));
        Ok(())
    }

    /// Asks about held records, each alone. Only where many answers in a row were clear the others are asked about
    /// together.
    async fn ask_about_held(&self, summary: &mut PushSummary) -> Result<(), MeteringError> {
        if self.ask_after.load(Ordering::Relaxed) > self.meter.clock.now().as_unix_millis() {
            return Ok(());
        }
        let (mut clear, mut unclear) = (0, 0);
        while unclear < UNCLEAR_ASKS {
            let claim = self.claim()?;
            let limit = if clear < CLEAR_ASKS { 1 } else { self.batch };
            let held = self.meter.store.claim_held(claim.lease, claim.at, limit).await?;
            if held.is_empty() {
                break;
            }
            let attempts: HashMap<_, _> =
                held.iter().map(|stored| (stored.record.metering_sn.clone(), stored.attempts)).collect();
            let asked = self.ask(claim, held.into_iter().map(|stored| stored.record).collect(), summary).await?;
            let (ControlFlow::Continue(left) | ControlFlow::Break(left)) = &asked;
            let again = left.iter().map(|record| {
                let attempts = attempts.get(&record.metering_sn).copied().unwrap_or_default();
                (record.metering_sn.clone(), RecordOutcome::Held { at: self.ask_at(attempts.saturating_sub(1)) })
            });
            self.meter.store.settle(claim.lease, claim.at, again.collect()).await?;
            match asked {
                ControlFlow::Break(_) => return Ok(()),
                ControlFlow::Continue(left) if left.is_empty() => clear += 1,
                ControlFlow::Continue(_) => (clear, unclear) = (0, unclear + 1),
            }
        }
        if unclear == UNCLEAR_ASKS {
            let asks = self.unclear_asks.fetch_add(1, Ordering::Relaxed);
            self.ask_after.store(self.ask_at(asks).as_unix_millis(), Ordering::Relaxed);
        } else if clear > 0 {
            self.unclear_asks.store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Returns when to retry a held record, given the number of attempts before.
    fn ask_at(&self, asked_before: u32) -> Timestamp {
        let pause = backoff::pause(FIRST_ASK, self.longest_pause, asked_before, &*self.random);
        self.meter.clock.now().saturating_add(pause)
    }

    /// Pushes the records that break no documented limit.
    async fn push(&self, claim: Claim, records: &[UsageRecord]) -> Result<Verdict, CallError> {
        let mut outcomes: Vec<_> = records.iter().map(limit_broken).collect();
        let is_sent = |outcome: &Option<RecordOutcome>| outcome.is_none();
        if outcomes.iter().all(is_sent) {
            return self.send(claim, records).await;
        }
        let sent: Vec<_> = records.iter().zip(&outcomes).filter(|(_, outcome)| is_sent(outcome)).collect();
        let sent: Vec<_> = sent.into_iter().map(|(record, _)| record.clone()).collect();
        if sent.is_empty() {
            return Ok(Verdict::Each(outcomes));
        }
        let Verdict::Each(answered) = self.send(claim, &sent).await? else { return Ok(Verdict::TooMany) };
        for (outcome, answered) in outcomes.iter_mut().filter(|outcome| outcome.is_none()).zip(answered) {
            *outcome = answered;
        }
        Ok(Verdict::Each(outcomes))
    }

    async fn send(&self, claim: Claim, records: &[UsageRecord]) -> Result<Verdict, CallError> {
        let gone = self.meter.clock.now().abs_diff(claim.at);
        let timeout = (self.lease / 2).saturating_sub(gone);
        let Ok(request) = Request::new(records.to_vec()) else { return Ok(Verdict::Each(vec![None; records.len()])) };
        let call = pin!(self.client.call(&request));
        let answer = match select(call, self.runtime.sleep(timeout)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => {
                Err(CallError::Transport { api: <Request as Api>::NAME, source: TransportError::Timeout })
            }
        };
        let retry_at = self.meter.clock.now().saturating_add(self.longest_pause.min(TOO_EARLY_PAUSE));
        match answer {
            Ok(response) => {
                self.failures.store(0, Ordering::Relaxed);
                Ok(verdict(records, &response, retry_at))
            }
            Err(error) => verdict_of_error(records, &error).ok_or(error),
        }
    }

    /// Stores the outcomes of records, and returns the records without one.
    async fn settle(
        &self,
        claim: Claim,
        records: Vec<UsageRecord>,
        outcomes: Vec<Option<RecordOutcome>>,
        summary: &mut PushSummary,
    ) -> Result<Vec<UsageRecord>, MeteringError> {
        let (mut settled, mut unclear) = (Vec::new(), Vec::new());
        for (record, outcome) in records.into_iter().zip(outcomes) {
            match outcome {
                Some(outcome) => settled.push((record, outcome)),
                None => unclear.push(record),
            }
        }
        let outcomes = settled.iter().map(|(record, outcome)| (record.metering_sn.clone(), outcome.clone()));
        self.meter.store.settle(claim.lease, claim.at, outcomes.collect()).await?;
        let mut delivered = Vec::new();
        for (record, outcome) in &settled {
            match outcome {
                RecordOutcome::Delivered => delivered.push(record),
                RecordOutcome::Retry { refusal: None, .. } => summary.failed += 1,
                RecordOutcome::Held { .. } => summary.held += 1,
                RecordOutcome::Retry { refusal: Some(refusal), .. }
                | RecordOutcome::Fix(refusal)
                | RecordOutcome::Dead(refusal) => {
                    summary.rejected += 1;
                    self.observer.on_event(&MeteringEvent::Rejected(Rejection { record, refusal, outcome }));
                }
            }
        }
        summary.delivered += delivered.len();
        if !delivered.is_empty() {
            self.observer.on_event(&MeteringEvent::Delivered(&delivered));
        }
        Ok(unclear)
    }

    /// Reports a push that failed as a whole, and returns when to retry it.
    fn after_failure(&self, records: usize, error: &CallError) -> Timestamp {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed);
        let pause = backoff::pause(FIRST_PAUSE, self.longest_pause, failures, &*self.random);
        let retry_at = self.meter.clock.now().saturating_add(pause);
        self.observer.on_event(&MeteringEvent::PushFailed(PushFailure { records, error, retry_at }));
        retry_at
    }

    /// Warns of records that are about to become too old, and deletes old ones, once an hour.
    async fn do_chores(&self) -> Result<(), MeteringError> {
        let now = self.meter.clock.now();
        if self.chores_due.load(Ordering::Relaxed) > now.as_unix_millis() {
            return Ok(());
        }
        self.chores_due.store(now.saturating_add(CHORES_EVERY).as_unix_millis(), Ordering::Relaxed);
        let status = self.meter.status().await?;
        if let (Some(oldest), true) = (status.oldest, status.at_risk.records > 0) {
            self.observer.on_event(&MeteringEvent::AtRisk(AtRisk { total: status.at_risk, oldest }));
        }
        while self.meter.store.forget(now.saturating_sub(KEPT_FOR)).await? > 0 {}
        Ok(())
    }
}

impl fmt::Debug for Pusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pusher").field("meter", &self.meter).field("client", &self.client).finish_non_exhaustive()
    }
}
