//! One run: makes the calls, and records the answers.

mod effects;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use super::call::{Call, Proof, Signer};
use super::charging::Charging;
use super::checks::FirstCall;
use super::client_secret::Sealed;
use super::form;
use super::front_door::FrontDoor;
use super::http_target::HttpTarget;
use super::judge::Judge;
use super::message::{Author, Message};
use super::open_api_server::{Instance, LineSpec, PlacedOrder};
use super::patience::Patience;
use super::probe::ErasedProbe;
use super::profile::Profile;
use super::reading::Reading;
use super::report::{Exchange, Origin};
use super::seen::Seen;
pub(super) use super::stop::{Checked, Stop};
use super::symptom::Symptom;
use super::target::{Answer, ErasedTarget, TargetError};
use koogallery::activity::Activity;
use koogallery::clock::Clock;
use koogallery::key::AccessKey;
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;

/// A target may exceed the deadline by this much, whatever its own limits: late is not the same as never.
const LATE: Duration = Duration::from_secs(5);

/// Default timeout for an instance to become ready.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// Default limit for a run.
pub(super) const TIME_BUDGET: Duration = Duration::from_secs(115);

/// Limit for an answer once something hangs: the rest is likely to hang as well, and the time for the run is limited.
const AFTER_A_HANG: Duration = Duration::from_secs(10);

/// After this many calls that found nothing to call, the rest is not run.
const MAX_UNREACHABLE: u32 = 2;

pub(super) const OUT_OF_TIME: &str = "the time for the run was over";

/// Exchanges of a check that the report keeps.
const KEPT: usize = 8;

pub(super) struct Session {
    pub(super) target: Arc<dyn ErasedTarget>,
    pub(super) profile: Profile,
    pub(super) key: AccessKey,
    pub(super) author: Author,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) probe: Option<Arc<dyn ErasedProbe>>,
    /// The rules for every answer.
    pub(super) judge: Judge,
    /// The target, if its connections can be checked.
    http: Option<HttpTarget>,
    /// Exchanges of the current check.
    pub(super) exchanges: Vec<Exchange>,
    /// Remarks of the current check.
    pub(super) notes: Vec<String>,
    pub(super) calls: u32,
    /// Whether the endpoint rejects an exact repeat; known once that was tried.
    pub(super) refuses_repeats: bool,
    /// The calls of the seller console, and their answers, if any.
    pub(super) console: Vec<(String, Option<Answer>)>,
    /// Timeout for an instance to become ready after `000004`.
    pub(super) ready_timeout: Duration,
    /// Moves the clocks, if they can be moved.
    pub(super) travel: Option<Box<dyn Fn(Duration) + Send + Sync>>,
    /// Secrets encrypted for the seller; empty without a public key.
    pub(super) client_secrets: Vec<Sealed>,
    /// Every call of the run.
    pub(super) seen: Vec<Seen>,
    /// The check that is running.
    pub(super) check: &'static str,
    /// When the time for the run is over.
    pub(super) until: Instant,
    /// What the first valid call has shown, unless it was accepted at once.
    pub(super) first_call: Option<FirstCall>,
    /// Whether the endpoint was asked what it serves.
    pub(super) has_asked: bool,
    /// Ways of charging for the product, if they are known.
    pub(super) charging: Vec<Charging>,
    /// Activities of calls that were accepted without a valid signature.
    pub(super) unverified: Vec<String>,
    /// Whether they include the call that creates something.
    pub(super) is_wholly_unverified: bool,
    /// The program that calls reach first, if an answer has shown it.
    pub(super) front_door: Option<FrontDoor>,
    last_time: Timestamp,
    /// Activities that hang.
    hangs: HashSet<String>,
    /// Number of calls that found nothing to call.
    unreachable: u32,
    /// Whether instances that are accepted with `000004` never become ready.
    is_never_ready: bool,
}

impl Session {
    pub(super) fn new(
        target: Arc<dyn ErasedTarget>,
        http: Option<HttpTarget>,
        judge: Judge,
        author: Author,
        clock: Arc<dyn Clock>,
        probe: Option<Arc<dyn ErasedProbe>>,
    ) -> Self {
        let profile = author.profile;
        Self {
            target,
            profile,
            key: judge.key.clone(),
            judge,
            http,
            author,
            clock,
            probe,
            exchanges: Vec::new(),
            notes: Vec::new(),
            calls: 0,
            refuses_repeats: false,
            console: Vec::new(),
            ready_timeout: READY_TIMEOUT,
            travel: None,
            client_secrets: Vec::new(),
            seen: Vec::new(),
            check: "",
            until: Instant::now() + TIME_BUDGET,
            first_call: None,
            has_asked: false,
            charging: Vec::new(),
            unverified: Vec::new(),
            is_wholly_unverified: false,
            front_door: None,
            last_time: Timestamp::from_unix_millis(0),
            hangs: HashSet::new(),
            unreachable: 0,
            is_never_ready: false,
        }
    }

    /// No two calls have the same timestamp: V1.0 distinguishes calls by it.
    pub(super) fn now(&mut self) -> Timestamp {
        let next = self.last_time.saturating_add(Duration::from_millis(1));
        self.last_time = self.clock.now().max(next);
        self.last_time
    }

    /// Returns whether the time for the run is over.
    pub(super) fn is_out_of_time(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Returns whether nothing answers any more.
    pub(super) fn has_stopped(&self) -> bool {
        self.unreachable > MAX_UNREACHABLE
    }

    /// Refuses a call for which there is no time, or whose activity hangs.
    fn may_call(&self, activity: &str) -> Checked {
        if self.is_out_of_time() {
            return Err(Stop::not_run(OUT_OF_TIME));
        }
        if self.has_stopped() {
            return Err(Stop::not_run("the endpoint has stopped answering"));
        }
        match self.hangs.contains(activity) {
            true => Err(TargetError::Timeout(self.limit()).into()),
            false => Ok(()),
        }
    }

    pub(super) fn signer(&mut self) -> Signer {
        Signer {
            scheme: self.profile.scheme(),
            key: self.key.clone(),
            path: self.target.path().to_owned(),
            time: self.now(),
            nonce: if self.profile.scheme().has_nonce() { self.author.ids.nonce() } else { String::new() },
        }
    }

    /// Signs with the current time. Tokens with a `+` are avoided: an endpoint that mishandles one would fail in random
    /// checks, not in the one for it.
    pub(super) fn sign(&mut self, message: &Message) -> Call {
        self.author.place_order(message);
        let scheme = self.profile.scheme();
        loop {
            let call = self.signer().sign(message);
            let has_plus = call.proof(Proof::Signature).is_some_and(|token| token.contains('+'));
            if scheme.has_nonce() || !has_plus {
                return call;
            }
        }
    }

    /// Returns a call that the endpoint must accept in any state.
    pub(super) fn fresh(&mut self) -> Message {
        let now = self.now();
        self.author.fresh(now)
    }

    /// Returns a valid call of another name.
    pub(super) fn fresh_named(&mut self, activity: &str) -> Message {
        let mut message = self.fresh().with("activity", activity);
        activity.clone_into(&mut message.activity);
        message
    }

    /// Returns whether the product is charged for in this way. If that is not known, it is if the endpoint implements
    /// all that it requires, and more than any product requires.
    pub(super) fn sells(&self, charging: Charging) -> bool {
        let protocol = self.profile.protocol();
        match self.charging.is_empty() {
            false => self.charging.contains(&charging),
            true => !self.author.not_served.iter().any(|activity| charging.requires(protocol, *activity)),
        }
    }

    /// Skips checks about an activity that does not have to be implemented.
    pub(super) fn needs(&self, activity: Activity) -> Checked {
        match self.author.not_served.contains(&activity) {
            true => Err(Stop::NotRun(format!("{activity} is not implemented, and does not have to be"))),
            false => Ok(()),
        }
    }

    fn limit(&self) -> Duration {
        let limit = self.judge.deadline.max(self.profile.timeout()).saturating_add(LATE);
        let limit = if self.hangs.is_empty() { limit } else { limit.min(AFTER_A_HANG) };
        limit.min(self.until.saturating_duration_since(Instant::now()))
    }

    async fn answer_of(&self, call: &Call) -> Result<Answer, TargetError> {
        let request = call.to_request().ok_or_else(TargetError::unwritable)?;
        let limit = self.limit();
        timeout(limit, self.target.call(request)).await.unwrap_or(Err(TargetError::Timeout(limit)))
    }

    /// Signs and sends.
    pub(super) async fn call(&mut self, message: &Message) -> Result<Reading, Stop> {
        let call = self.sign(message);
        self.send(call).await
    }

    /// Signs and sends a call that has to be refused with one of these codes.
    pub(super) async fn refuse(&mut self, message: &Message, codes: &[&str], what: &str) -> Checked {
        let call = Call { is_right: false, ..self.sign(message) };
        self.send(call).await?.refused(codes, what)
    }

    pub(super) async fn send(&mut self, call: Call) -> Result<Reading, Stop> {
        self.may_call(&call.activity)?;
        let outcome = self.answer_of(&call).await;
        self.read(call, outcome)
    }

    /// Sends a call whose answer is looked at, but not judged.
    pub(super) async fn send_unjudged(&mut self, call: Call) -> Result<Reading, Stop> {
        self.send(unjudged(call)).await
    }

    /// Sends calls concurrently whose answers are looked at, but not judged.
    pub(super) async fn send_each_unjudged(&mut self, calls: Vec<Call>) -> Vec<Result<Reading, Stop>> {
        let calls: Vec<_> = calls.into_iter().map(unjudged).collect();
        let outcomes = join_all(calls.iter().map(|call| self.answer_of(call))).await;
        calls.into_iter().zip(outcomes).map(|(call, outcome)| self.read(call, outcome)).collect()
    }

    /// Sends concurrently.
    pub(super) async fn send_all(&mut self, calls: Vec<Call>) -> Result<Vec<Reading>, Stop> {
        calls.iter().try_for_each(|call| self.may_call(&call.activity))?;
        let outcomes = join_all(calls.iter().map(|call| self.answer_of(call))).await;
        let noted = calls.into_iter().zip(outcomes);
        noted.map(|(call, outcome)| self.read(call, outcome)).collect()
    }

    /// Disconnects after some time, as the marketplace does; `None` then.
    pub(super) async fn send_within(&mut self, call: Call, limit: Duration) -> Result<Option<Reading>, Stop> {
        Ok(self.send_raw_within(call, limit).await?.map(|(reading, _)| reading))
    }

    pub(super) async fn send_raw_within(
        &mut self,
        call: Call,
        limit: Duration,
    ) -> Result<Option<(Reading, Answer)>, Stop> {
        self.may_call(&call.activity)?;
        match timeout(limit, self.answer_of(&call)).await {
            Ok(outcome) => self.note(call, outcome).map(Some),
            Err(_) => {
                self.calls += 1;
                let exchange = self.exchange(&call, &Err(TargetError::Timeout(limit)));
                self.keep(exchange);
                Ok(None)
            }
        }
    }

    fn exchange(&self, call: &Call, outcome: &Result<Answer, TargetError>) -> Exchange {
        let origin = Origin { target: &self.target.name(), profile: self.profile, check: Some(self.check) };
        Exchange::new(call, outcome, Some(&self.key), origin)
    }

    fn keep(&mut self, exchange: Exchange) {
        if self.exchanges.len() == KEPT {
            self.exchanges.remove(0);
        }
        self.exchanges.push(exchange);
    }

    /// Starts a call and disconnects.
    pub(super) async fn hang_up(&mut self, call: &Call) {
        const PAUSE: Duration = Duration::from_millis(1);
        self.calls += 1;
        let Some(target) = &self.http else {
            let _ = timeout(PAUSE, self.answer_of(call)).await;
            return;
        };
        // The whole call has to arrive, however far the endpoint is.
        let Some(request) = call.to_request() else { return };
        if let Ok(Ok(_connection)) = timeout(self.limit(), target.begin(&request)).await {
            sleep(PAUSE).await;
        }
    }

    pub(super) async fn send_raw(&mut self, call: Call) -> Result<(Reading, Answer), Stop> {
        self.may_call(&call.activity)?;
        let outcome = self.answer_of(&call).await;
        self.note(call, outcome)
    }

    /// Records a call, judges its answer, and reads it.
    pub(super) fn read(&mut self, call: Call, outcome: Result<Answer, TargetError>) -> Result<Reading, Stop> {
        self.note(call, outcome).map(|(reading, _)| reading)
    }

    /// Records a call, reads its answer once, and judges it.
    fn note(&mut self, call: Call, outcome: Result<Answer, TargetError>) -> Result<(Reading, Answer), Stop> {
        self.calls += 1;
        if outcome.as_ref().is_err_and(TargetError::is_timeout) {
            if self.is_out_of_time() {
                return Err(Stop::not_run(OUT_OF_TIME));
            }
            // A call in an unusual form may hang for that form.
            let is_plain = call.is_judged || !call.is_right;
            if is_plain && matches!(outcome, Err(TargetError::Timeout(_))) {
                self.hangs.insert(call.activity.clone());
            }
        }
        let exchange = self.exchange(&call, &outcome);
        if let (None, Ok(answer)) = (&self.front_door, &outcome) {
            self.front_door = FrontDoor::of(answer);
        }
        let outcome = outcome.map(|answer| (Reading::new(&call.activity, &answer), answer));
        self.remember(&call, outcome.as_ref().map(|(reading, _)| reading));
        if let (Ok((reading, answer)), true) = (&outcome, call.is_judged) {
            form::judge(&mut self.judge, &call, answer, reading, &exchange);
        }
        self.keep(exchange);
        Ok(outcome?)
    }

    fn remember(&mut self, call: &Call, outcome: Result<&Reading, &TargetError>) {
        let mut seen = Seen {
            check: self.check,
            activity: call.activity.clone(),
            is_right: call.is_right,
            status: None,
            code: None,
            symptom: None,
            oddity: None,
        };
        match outcome {
            Ok(reading) => {
                seen.symptom = reading.is_crash().then_some(Symptom::Crash);
                (seen.status, seen.code, seen.oddity) = (Some(reading.status), reading.code.clone(), reading.oddity);
            }
            Err(error) => {
                seen.symptom = error.symptom();
                self.unreachable += u32::from(seen.symptom == Some(Symptom::Unreachable));
            }
        }
        self.judge.subject = seen.subject();
        self.seen.push(seen);
    }

    /// Returns the target, if its connections can be checked, for borrowing.
    pub(super) fn http_target(&self) -> Option<&HttpTarget> {
        self.http.as_ref()
    }

    /// Returns the URL of the calls.
    pub(super) fn http(&self) -> Result<HttpTarget, Stop> {
        self.http.clone().ok_or_else(|| Stop::not_run("the target runs in this process: there is no connection"))
    }

    /// Skips checks of effects for calls with `testFlag` 1, which have none.
    pub(super) fn wants_effects(&self) -> Checked {
        match self.author.test_flag {
            true => Err(Stop::not_run("calls with testFlag 1 have no effect")),
            false => Ok(()),
        }
    }

    /// Buys, waits until the instance is ready, and returns its id.
    pub(super) async fn buy(&mut self, purchase: &Message) -> Result<String, Stop> {
        let reading = self.call(purchase).await?;
        self.settled(purchase, reading).await
    }

    /// Waits until an accepted purchase is done.
    pub(super) async fn settled(&mut self, purchase: &Message, reading: Reading) -> Result<String, Stop> {
        reading.accepted("a purchase")?;
        // The rule for mandatory fields reports it.
        let id = reading.instance_id().ok_or_else(|| Stop::not_run("answers to purchases have no instanceId (F8)"))?;
        let id = id.to_owned();
        if self.is_put_off(&reading) {
            self.wait_for(purchase, &id).await?;
        }
        if let Some(open_api) = &self.author.open_api {
            let order = purchase.get("orderId").and_then(|order_id| open_api.order(order_id));
            let is_package = |order: &PlacedOrder| order.spec.lines.first().is_some_and(LineSpec::is_package);
            match order.filter(is_package) {
                Some(order) => open_api.open_instance(&order, 0, &id),
                None => open_api.put_instance(Instance::on_demand(&*id, open_api.now())),
            }
        }
        Ok(id)
    }

    /// Returns whether a purchase is accepted but not done. V1.0 has no code for it: there the answer contains the id
    /// alone.
    pub(super) fn is_put_off(&self, reading: &Reading) -> bool {
        let has_access = reading.json.as_ref().is_some_and(|json| json.get("appInfo").is_some());
        reading.is_processing() || (self.profile.protocol() == Protocol::SaasV1 && reading.is_success() && !has_access)
    }

    /// Returns whether the answer to a query says that the instance is ready.
    pub(super) fn is_done(&self, reading: &Reading, id: &str) -> bool {
        reading.is_success() && (self.profile.protocol() != Protocol::SaasV1 || reading.described_ids().contains(&id))
    }

    /// Returns the call that asks whether a purchase is done: a query, or a repeated purchase if there is no query.
    pub(super) fn question(&mut self, purchase: &Message, id: &str) -> Message {
        let again = |author: &mut Author| purchase.clone().with("businessId", author.ids.uuid());
        self.author.query(&[id]).unwrap_or_else(|| again(&mut self.author))
    }

    /// Returns the waiting time for work in the background.
    pub(super) fn patience(&self) -> Patience {
        Patience::new(self.ready_timeout)
    }

    /// Queries an instance until it is ready, as the marketplace does.
    async fn wait_for(&mut self, purchase: &Message, id: &str) -> Checked {
        let mut patience = self.patience();
        loop {
            let question = self.question(purchase, id);
            let reading = self.call(&question).await?;
            if self.is_done(&reading, id) {
                return Ok(());
            }
            // Once is enough to know.
            if self.is_never_ready {
                return Err(patience.exhausted());
            }
            if !patience.pause().await {
                self.is_never_ready = true;
                return Err(patience.exhausted());
            }
        }
    }

    /// Buys an instance with a new order.
    pub(super) async fn instance(&mut self) -> Result<String, Stop> {
        self.wants_effects()?;
        let purchase = self.author.purchase();
        self.buy(&purchase).await
    }
}

/// A call whose answer is looked at, but not judged.
fn unjudged(call: Call) -> Call {
    Call { is_judged: false, is_right: false, ..call }
}
