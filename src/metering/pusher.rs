//! Sending records in the background.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};

use super::delivery::{Verdict, verdict, verdict_of_error};
use super::{AtRisk, Claim, Meter, MeteringError, Observer, Outcome, PushFailure, Rejection, StderrObserver};
use crate::backoff;
use crate::open_api::push_usage::{MAX_RECORDS, Request, UsageRecord};
use crate::open_api::{Api, CallError, Client, TransportError};
use crate::random::{OsRandom, Random};
use crate::runtime::Runtime;
use crate::timestamp::Timestamp;

/// Delivered records and usage ids are kept this long, so that late usage is recognised and delivery can be looked up.
const KEPT_FOR: Duration = Duration::from_secs(40 * 24 * 3600);
const CHORES_EVERY: Duration = Duration::from_secs(3600);
/// The pause after the first failed push, and for records that came before their instance was ready.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const TOO_EARLY_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Sends what a [`Meter`] has recorded. Any number of pushers, in any number of processes, may work on one store: each
/// record is sent by one of them at a time.
pub struct Pusher {
    meter: Meter,
    client: Client,
    runtime: Arc<dyn Runtime>,
    observer: Arc<dyn Observer>,
    random: Arc<dyn Random>,
    interval: Duration,
    grace: Duration,
    longest_pause: Duration,
    claim: Duration,
    batch: usize,
    /// Pushes that failed as a whole, in a row.
    failures: AtomicU32,
    chores_due: AtomicI64,
}

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Round {
    /// Records made of periods that were over.
    pub closed: usize,
    /// Records delivered.
    pub delivered: usize,
    /// Records that the marketplace refused.
    pub rejected: usize,
    /// Records that will be sent again because nobody knows whether they arrived.
    pub failed: usize,
}

impl Pusher {
    /// A pusher with the documented cadence: a period is sent within two minutes after its end. The client needs the access
    /// key of the basic interface.
    pub fn new(meter: Meter, client: Client, runtime: impl Runtime) -> Self {
        Self {
            meter,
            client,
            runtime: Arc::new(runtime),
            observer: Arc::new(StderrObserver),
            random: Arc::new(OsRandom),
            interval: Duration::from_secs(30),
            grace: Duration::from_secs(60),
            longest_pause: Duration::from_secs(15 * 60),
            claim: Duration::from_secs(5 * 60),
            batch: MAX_RECORDS,
            failures: AtomicU32::new(0),
            chores_due: AtomicI64::new(i64::MIN),
        }
    }

    /// Is told how reporting goes; [`StderrObserver`] unless set.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Gives randomness; the operating system's unless set.
    #[must_use]
    pub fn with_random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// How often to look for something to send; 30 seconds unless set.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long to wait after a period for usage that is still on its way to the store; one minute unless set. The
    /// marketplace asks for the report within 15 minutes.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The longest pause before a record is sent again; 15 minutes unless set. Pauses begin at 5 seconds and double.
    #[must_use]
    pub fn with_longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    /// For how long records stay taken when the process that sends them has died; 5 minutes unless set. A push that takes
    /// half of it is given up.
    #[must_use]
    pub fn with_claim(mut self, claim: Duration) -> Self {
        self.claim = claim;
        self
    }

    /// Records per push; 1000 unless set, which is also the most. (One page of the documents says 100.)
    #[must_use]
    pub fn with_batch(mut self, records: usize) -> Self {
        self.batch = records.clamp(1, MAX_RECORDS);
        self
    }

    /// Works until `stop` is ready, and then ends after the push under way.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        loop {
            if let Err(error) = self.round().await {
                self.observer.store_failed(&error);
            }
            if let Either::Right(_) = select(self.runtime.sleep(self.interval), &mut stop).await {
                return;
            }
        }
    }

    /// Closes periods that are over and sends everything that is due, once.
    ///
    /// # Errors
    ///
    /// The store failed. What was sent and could not be noted is sent again, with the same numbers.
    pub async fn round(&self) -> Result<Round, MeteringError> {
        let mut round = Round { closed: self.close_periods().await?, ..Round::default() };
        loop {
            let claim = self.claim()?;
            let records = self.meter.store.claim(claim, self.batch).await?;
            if records.is_empty() {
                break;
            }
            self.deliver(claim, &records, &mut round).await?;
            if round.failed > 0 {
                // The rest would fail as well; it is due at the next round.
                break;
            }
        }
        self.do_chores().await?;
        Ok(round)
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
        let claim = Claim::draw(&*self.random, self.meter.clock.now(), self.claim);
        claim.map_err(|error| MeteringError::Store(Arc::new(error)))
    }

    /// Sends records and notes what became of them. Where an answer does not tell which of them it refused, halves are sent
    /// again, down to single records; those that were taken the first time come back as reported before.
    async fn deliver(&self, claim: Claim, records: &[UsageRecord], round: &mut Round) -> Result<(), MeteringError> {
        let mut left = vec![records];
        while let Some(records) = left.pop() {
            match self.push(claim, records).await {
                Ok(Verdict::Each(outcomes)) => self.settle(claim, records, outcomes, round).await?,
                Ok(Verdict::Unclear) => {
                    let (first, second) = records.split_at(records.len() / 2);
                    left.extend([second, first]);
                }
                Err(error) => {
                    left.push(records);
                    let records: Vec<_> = left.concat();
                    let at = self.after_failure();
                    self.observer.push_failed(&PushFailure { records: records.len(), error: &error, retry_at: at });
                    let outcomes = vec![Outcome::Retry { at, refusal: None }; records.len()];
                    return self.settle(claim, &records, outcomes, round).await;
                }
            }
        }
        Ok(())
    }

    async fn push(&self, claim: Claim, records: &[UsageRecord]) -> Result<Verdict, CallError> {
        let gone = self.meter.clock.now().abs_diff(claim.now);
        let patience = (self.claim / 2).saturating_sub(gone);
        let Ok(request) = Request::new(records.to_vec()) else { return Ok(Verdict::Each(Vec::new())) };
        let call = pin!(self.client.call(&request));
        let answer = match select(call, self.runtime.sleep(patience)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => {
                Err(CallError::Transport { api: <Request as Api>::NAME, source: TransportError::Timeout })
            }
        };
        let retry_at = self.meter.clock.now().saturating_add(self.longest_pause.min(TOO_EARLY_PAUSE));
        match answer {
            Ok(response) => {
                self.failures.store(0, Ordering::Relaxed);
                Ok(verdict(records, response, retry_at))
            }
            Err(error) => verdict_of_error(records, &error).ok_or(error),
        }
    }

    async fn settle(
        &self,
        claim: Claim,
        records: &[UsageRecord],
        outcomes: Vec<Outcome>,
        round: &mut Round,
    ) -> Result<(), MeteringError> {
        let mut delivered = Vec::new();
        let mut rejected = Vec::new();
        for (record, outcome) in records.iter().zip(&outcomes) {
            match outcome {
                Outcome::Delivered => delivered.push(record),
                Outcome::Retry { refusal: None, .. } => round.failed += 1,
                Outcome::Retry { refusal: Some(refusal), .. } | Outcome::Fix(refusal) | Outcome::Dead(refusal) => {
                    rejected.push(Rejection { record, refusal, outcome });
                }
            }
        }
        let numbers = records.iter().map(|record| record.metering_sn.clone());
        self.meter.store.settle(claim, numbers.zip(outcomes.iter().cloned()).collect()).await?;
        round.delivered += delivered.len();
        round.rejected += rejected.len();
        if !delivered.is_empty() {
            self.observer.delivered(&delivered);
        }
        rejected.iter().for_each(|rejection| self.observer.rejected(rejection));
        Ok(())
    }

    /// When to send again after a push that failed as a whole.
    fn after_failure(&self) -> Timestamp {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed);
        let pause = backoff::pause(FIRST_PAUSE, self.longest_pause, failures, &*self.random);
        self.meter.clock.now().saturating_add(pause)
    }

    /// Once an hour: warns of what is about to become too old, and forgets what is long done.
    async fn do_chores(&self) -> Result<(), MeteringError> {
        let now = self.meter.clock.now();
        if self.chores_due.load(Ordering::Relaxed) > now.as_unix_millis() {
            return Ok(());
        }
        self.chores_due.store(now.saturating_add(CHORES_EVERY).as_unix_millis(), Ordering::Relaxed);
        let status = self.meter.status().await?;
        if let (Some(oldest), true) = (status.oldest, status.at_risk.records > 0) {
            self.observer.at_risk(&AtRisk { total: status.at_risk, oldest });
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
