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
use super::{AtRisk, Claim, Hold, Meter, MeteringError, Observer, Outcome, PushFailure, Rejection, StderrObserver};
use crate::backoff;
use crate::open_api::push_usage::{MAX_RECORDS, Request, UsageRecord};
use crate::open_api::{Api, CallError, Client};
use crate::random::{OsRandom, Random};
use crate::runtime::Runtime;
use crate::timestamp::Timestamp;
use crate::transport::TransportError;

/// Delivered records and usage ids are kept this long, so that late usage is recognised and delivery can be looked up.
const KEPT_FOR: Duration = Duration::from_secs(40 * 24 * 3600);
const CHORES_EVERY: Duration = Duration::from_secs(3600);
/// The pause after the first failed push, and for records that came before their instance was ready.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const TOO_EARLY_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The pause before a held record is asked about first; the pauses after it double. An answer that was unclear is so for
/// some time, and a person has to look.
const FIRST_ASK: Duration = Duration::from_secs(60);
/// Searches in a batch, of at most 12 pushes each: enough for a few bad records, and an end where most are bad.
const MOST_SEARCHES: usize = 4;
/// Unclear answers after which no more held records are asked about for a while, so that a thousand of them do not make a
/// thousand pushes a round.
const UNCLEAR_ASKS: u32 = 3;
/// Clear answers in a row after which held records are asked about together: the answers can be read again.
const CLEAR_ASKS: u32 = 10;

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
    /// Rounds of asking that ended in unclear answers, in a row, and when the next may begin.
    unclear_asks: AtomicU32,
    ask_after: AtomicI64,
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
    /// Records that are held from now on, since it is unclear whether the marketplace took them.
    pub held: usize,
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
            unclear_asks: AtomicU32::new(0),
            ask_after: AtomicI64::new(i64::MIN),
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

    /// Sets the longest pause before a record is sent or asked about again (default: 15 minutes). Pauses double; they begin
    /// at 5 seconds after a push that failed, and at a minute where it is unclear what became of a record.
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

    /// Closes periods that are over, sends everything that is due and asks about what is held, once.
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
                self.ask_about_held(&mut round).await?;
                break;
            }
            if self.deliver(claim, records, &mut round).await?.is_break() {
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

    /// Sends records and notes what became of them. Breaks off when a push failed.
    async fn deliver(
        &self,
        claim: Claim,
        records: Vec<UsageRecord>,
        round: &mut Round,
    ) -> Result<ControlFlow<()>, MeteringError> {
        let mut left = vec![records];
        while let Some(mut records) = left.pop() {
            match self.push(claim, &records).await {
                Ok(Verdict::Each(outcomes)) => {
                    let is_alone = records.len() == 1;
                    let unclear = self.settle(claim, records, outcomes, round).await?;
                    if self.search(claim, unclear, is_alone, round).await?.is_break() && left.is_empty() {
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
                    let outcomes = vec![Some(Outcome::Retry { at, refusal: None }); records.len()];
                    self.settle(claim, records, outcomes, round).await?;
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Looks for the record for which an answer was unclear, and holds what stays unclear. Breaks off when a push failed.
    ///
    /// A half of the suspects is pushed; if its answer is clear, the other half holds the record and need not be pushed, and
    /// if not, the other half is put aside. All that was put aside is pushed together in the end. So one bad record of 1000
    /// costs the first push, ten halves, its own push and one for the others, 13 in all. Repeated pushes of good records may
    /// be unclear as well, and then halving leads nowhere: it goes on only as long as answers are clear now and then.
    async fn search(
        &self,
        claim: Claim,
        mut suspects: Vec<UsageRecord>,
        mut is_alone: bool,
        round: &mut Round,
    ) -> Result<ControlFlow<()>, MeteringError> {
        let mut unclear = Vec::new();
        for _ in 0..MOST_SEARCHES {
            let (mut aside, mut is_any_clear) = (Vec::new(), false);
            while suspects.len() > 1 || !is_alone && !suspects.is_empty() {
                let rest = suspects.split_off(suspects.len().div_ceil(2));
                let asked = suspects.len();
                suspects = match self.ask(claim, suspects, round).await? {
                    ControlFlow::Continue(left) => left,
                    ControlFlow::Break(left) => {
                        self.hold(claim, [left, rest, aside, unclear].concat(), round).await?;
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
            suspects = match self.ask(claim, aside, round).await? {
                ControlFlow::Continue(left) => left,
                ControlFlow::Break(left) => {
                    self.hold(claim, [left, unclear].concat(), round).await?;
                    return Ok(ControlFlow::Break(()));
                }
            };
            is_any_clear |= suspects.len() < asked;
            if !is_any_clear {
                break;
            }
        }
        unclear.append(&mut suspects);
        self.hold(claim, unclear, round).await?;
        Ok(ControlFlow::Continue(()))
    }

    /// Pushes records and notes what is clear. Returns those of which it is not; breaks off when the push failed.
    async fn ask(
        &self,
        claim: Claim,
        records: Vec<UsageRecord>,
        round: &mut Round,
    ) -> Result<ControlFlow<Vec<UsageRecord>, Vec<UsageRecord>>, MeteringError> {
        match self.push(claim, &records).await {
            Ok(Verdict::Each(outcomes)) => {
                Ok(ControlFlow::Continue(self.settle(claim, records, outcomes, round).await?))
            }
            Ok(Verdict::TooMany) => Ok(ControlFlow::Continue(records)),
            Err(error) => {
                self.after_failure(records.len(), &error);
                Ok(ControlFlow::Break(records))
            }
        }
    }

    /// Holds records whose answer was unclear.
    async fn hold(&self, claim: Claim, records: Vec<UsageRecord>, round: &mut Round) -> Result<(), MeteringError> {
        if records.is_empty() {
            return Ok(());
        }
        let ask_at = self.ask_at(0);
        let outcomes = records.iter().map(|record| (record.metering_sn.clone(), Outcome::Held { at: ask_at }));
        self.meter.store.settle(claim, outcomes.collect()).await?;
        round.held += records.len();
        let records: Vec<_> = records.iter().collect();
        self.observer.held(&Hold { records: &records, ask_at });
        Ok(())
    }

    /// Asks about held records, each alone. Only where many answers in a row were clear the others are asked about together.
    async fn ask_about_held(&self, round: &mut Round) -> Result<(), MeteringError> {
        if self.ask_after.load(Ordering::Relaxed) > self.meter.clock.now().as_unix_millis() {
            return Ok(());
        }
        let (mut clear, mut unclear) = (0, 0);
        while unclear < UNCLEAR_ASKS {
            let claim = self.claim()?;
            let limit = if clear < CLEAR_ASKS { 1 } else { self.batch };
            let held = self.meter.store.claim_held(claim, limit).await?;
            if held.is_empty() {
                break;
            }
            let attempts: HashMap<_, _> =
                held.iter().map(|stored| (stored.record.metering_sn.clone(), stored.attempts)).collect();
            let asked = self.ask(claim, held.into_iter().map(|stored| stored.record).collect(), round).await?;
            let (ControlFlow::Continue(left) | ControlFlow::Break(left)) = &asked;
            let again = left.iter().map(|record| {
                let attempts = attempts.get(&record.metering_sn).copied().unwrap_or_default();
                (record.metering_sn.clone(), Outcome::Held { at: self.ask_at(attempts.saturating_sub(1)) })
            });
            self.meter.store.settle(claim, again.collect()).await?;
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

    /// When to ask about a held record that was asked about so often before.
    fn ask_at(&self, asked_before: u32) -> Timestamp {
        let pause = backoff::pause(FIRST_ASK, self.longest_pause, asked_before, &*self.random);
        self.meter.clock.now().saturating_add(pause)
    }

    /// Pushes the records that break no documented limit.
    async fn push(&self, claim: Claim, records: &[UsageRecord]) -> Result<Verdict, CallError> {
        let mut outcomes: Vec<_> = records.iter().map(limit_broken).collect();
        let is_sent = |outcome: &Option<Outcome>| outcome.is_none();
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
        let gone = self.meter.clock.now().abs_diff(claim.now);
        let patience = (self.claim / 2).saturating_sub(gone);
        let Ok(request) = Request::new(records.to_vec()) else { return Ok(Verdict::Each(vec![None; records.len()])) };
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
                Ok(verdict(records, &response, retry_at))
            }
            Err(error) => verdict_of_error(records, &error).ok_or(error),
        }
    }

    /// Notes what became of records, and returns those of which it is unclear.
    async fn settle(
        &self,
        claim: Claim,
        records: Vec<UsageRecord>,
        outcomes: Vec<Option<Outcome>>,
        round: &mut Round,
    ) -> Result<Vec<UsageRecord>, MeteringError> {
        let (mut settled, mut unclear) = (Vec::new(), Vec::new());
        for (record, outcome) in records.into_iter().zip(outcomes) {
            match outcome {
                Some(outcome) => settled.push((record, outcome)),
                None => unclear.push(record),
            }
        }
        let outcomes = settled.iter().map(|(record, outcome)| (record.metering_sn.clone(), outcome.clone()));
        self.meter.store.settle(claim, outcomes.collect()).await?;
        let mut delivered = Vec::new();
        for (record, outcome) in &settled {
            match outcome {
                Outcome::Delivered => delivered.push(record),
                Outcome::Retry { refusal: None, .. } => round.failed += 1,
                Outcome::Held { .. } => round.held += 1,
                Outcome::Retry { refusal: Some(refusal), .. } | Outcome::Fix(refusal) | Outcome::Dead(refusal) => {
                    round.rejected += 1;
                    self.observer.rejected(&Rejection { record, refusal, outcome });
                }
            }
        }
        round.delivered += delivered.len();
        if !delivered.is_empty() {
            self.observer.delivered(&delivered);
        }
        Ok(unclear)
    }

    /// Tells of a push that failed as a whole, and when to send again.
    fn after_failure(&self, records: usize, error: &CallError) -> Timestamp {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed);
        let pause = backoff::pause(FIRST_PAUSE, self.longest_pause, failures, &*self.random);
        let retry_at = self.meter.clock.now().saturating_add(pause);
        self.observer.push_failed(&PushFailure { records, error, retry_at });
        retry_at
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
