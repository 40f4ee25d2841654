//! One run: calls go out, answers come in, and everything is written down.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::call::{Call, Proof, Signer};
use super::client_secret::Sealed;
use super::desk::Instance;
use super::form;
use super::http_target::HttpTarget;
use super::message::{Author, Message};
use super::patience::Patience;
use super::probe::{ErasedProbe, ProbedInstance};
use super::profile::Profile;
use super::reading::Reading;
use super::report::{Exchange, Failure};
use super::target::{Answer, ErasedTarget, TargetError};
use koogallery::clock::Clock;
use koogallery::key::{AccessKey, AccessKeys, KeyRing};
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;

/// So much longer than the deadline a target may take, whatever its own limits: late is not the same as never.
const LATE: Duration = Duration::from_secs(5);

/// How long an instance may take, unless set otherwise.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// After so many calls without an answer the rest is not tried: nobody waits an hour for a report.
const MAX_TIMEOUTS: u32 = 3;

/// Exchanges that a check keeps for the report.
const KEPT: usize = 8;

/// Why a check ended early.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    Failed(Failure),
    NotRun(String),
}

pub(super) type Checked = Result<(), Stop>;

impl Stop {
    pub(super) fn failed(expected: impl Into<String>, got: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::Failed(Failure { expected: expected.into(), got: got.into(), cause: cause.into() })
    }

    pub(super) fn not_run(why: &str) -> Self {
        Self::NotRun(why.to_owned())
    }
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Self {
        let cause = match &error {
            TargetError::Dns(_) | TargetError::Connect(_) | TargetError::ConnectTimeout(_) => {
                "the endpoint is down, or not reachable from here"
            }
            TargetError::Forbidden(_) => "the name leads where no marketplace calls",
            TargetError::Tls(error) => {
                let cause = format!("no secure connection can be made: {}", error.mend());
                return Self::failed("a secure connection", error.to_string(), cause);
            }
            TargetError::Timeout(_) => "the endpoint hangs",
            TargetError::Panicked | TargetError::CutOff(_) => "the endpoint's code failed while answering",
            TargetError::TooLarge(_) => "the endpoint sends something other than an answer",
            TargetError::NotHttp(_) => "something other than an HTTP server listens there",
        };
        Self::failed("an answer", error.to_string(), cause)
    }
}

/// What the rules for every answer found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// How many answers a rule was applied to.
    pub(super) judged: BTreeMap<&'static str, u32>,
    /// The first answer that broke a rule.
    pub(super) broken: BTreeMap<&'static str, (Failure, Exchange)>,
    /// What is worth knowing beside.
    pub(super) notes: BTreeMap<&'static str, Vec<String>>,
}

pub(super) struct Session {
    pub(super) target: Arc<dyn ErasedTarget>,
    pub(super) profile: Profile,
    pub(super) key: AccessKey,
    pub(super) ring: KeyRing,
    /// What the seller has told of his keys.
    pub(super) keys: AccessKeys,
    pub(super) author: Author,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) probe: Option<Arc<dyn ErasedProbe>>,
    pub(super) findings: Findings,
    /// Of the check that runs.
    pub(super) exchanges: Vec<Exchange>,
    /// What the check that runs has found out beside its outcome.
    pub(super) notes: Vec<String>,
    pub(super) calls: u32,
    pub(super) ivs: HashMap<String, String>,
    /// Whether the endpoint refuses an exact repeat; known after that was tried.
    pub(super) refuses_repeats: bool,
    /// What the seller console would have sent, and what came back before it hung up.
    pub(super) console: Vec<(String, Option<Answer>)>,
    /// Within which an answer has to come.
    pub(super) deadline: Duration,
    /// How long after 000004 an instance may take.
    pub(super) ready_within: Duration,
    /// Moves the clocks, where they can be moved.
    pub(super) travel: Option<Box<dyn Fn(Duration) + Send + Sync>>,
    /// How long answers took, by activity.
    pub(super) durations: BTreeMap<String, Vec<Duration>>,
    /// Whether the seller tries things out where nobody else comes.
    pub(super) is_local: bool,
    /// Encrypted for the seller; none without his public key.
    pub(super) client_secrets: Vec<Sealed>,
    last_time: Timestamp,
    timeouts: u32,
}

impl Session {
    pub(super) fn new(
        target: Arc<dyn ErasedTarget>,
        ring: KeyRing,
        keys: AccessKeys,
        author: Author,
        clock: Arc<dyn Clock>,
        probe: Option<Arc<dyn ErasedProbe>>,
    ) -> Self {
        let profile = author.profile;
        Self {
            target,
            profile,
            key: ring.signing_key().clone(),
            ring,
            keys,
            author,
            clock,
            probe,
            findings: Findings::default(),
            exchanges: Vec::new(),
            notes: Vec::new(),
            calls: 0,
            ivs: HashMap::new(),
            refuses_repeats: false,
            console: Vec::new(),
            deadline: profile.timeout(),
            ready_within: READY_WITHIN,
            travel: None,
            durations: BTreeMap::new(),
            is_local: true,
            client_secrets: Vec::new(),
            last_time: Timestamp::from_unix_millis(0),
            timeouts: 0,
        }
    }

    /// No two calls are of the same moment: that of V1.0 tells them apart.
    pub(super) fn now(&mut self) -> Timestamp {
        let next = self.last_time.saturating_add(Duration::from_millis(1));
        self.last_time = self.clock.now().max(next);
        self.last_time
    }

    pub(super) fn has_given_up(&self) -> bool {
        self.timeouts >= MAX_TIMEOUTS
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

    /// Signs as of now. No token has a `+`: whoever mistakes one would fail here and there, and not where it is looked for.
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

    /// A call that has to be accepted by itself.
    pub(super) fn fresh(&mut self) -> Message {
        let now = self.now();
        self.author.fresh(now)
    }

    fn limit(&self) -> Duration {
        self.deadline.max(self.profile.timeout()).saturating_add(LATE)
    }

    async fn answer_of(&self, call: &Call) -> Result<Answer, TargetError> {
        let request = call.to_request().ok_or_else(TargetError::unwritable)?;
        let limit = self.limit();
        timeout(limit, self.target.call(request)).await.unwrap_or(Err(TargetError::Timeout(limit)))
    }

    /// Signs and sends.
    pub(super) async fn tell(&mut self, message: &Message) -> Result<Reading, Stop> {
        let call = self.sign(message);
        self.send(call).await
    }

    pub(super) async fn send(&mut self, call: Call) -> Result<Reading, Stop> {
        let outcome = self.answer_of(&call).await;
        self.note(call, outcome).map(|answer| Reading::new(&answer))
    }

    /// Sends at once.
    pub(super) async fn send_all(&mut self, calls: Vec<Call>) -> Result<Vec<Reading>, Stop> {
        let outcomes = join_all(calls.iter().map(|call| self.answer_of(call))).await;
        let noted = calls.into_iter().zip(outcomes);
        noted.map(|(call, outcome)| self.note(call, outcome).map(|answer| Reading::new(&answer))).collect()
    }

    /// Hangs up after some time, as the marketplace does; none then.
    pub(super) async fn send_within(&mut self, call: Call, limit: Duration) -> Result<Option<Reading>, Stop> {
        let answer = self.send_raw_within(call, limit).await?;
        Ok(answer.map(|answer| Reading::new(&answer)))
    }

    pub(super) async fn send_raw_within(&mut self, call: Call, limit: Duration) -> Result<Option<Answer>, Stop> {
        match timeout(limit, self.answer_of(&call)).await {
            Ok(outcome) => self.note(call, outcome).map(Some),
            Err(_) => {
                self.calls += 1;
                let exchange =
                    Exchange::new(&call, &Err(TargetError::Timeout(limit)), Some(&self.key), &self.target.name());
                self.keep(exchange);
                Ok(None)
            }
        }
    }

    fn keep(&mut self, exchange: Exchange) {
        if self.exchanges.len() == KEPT {
            self.exchanges.remove(0);
        }
        self.exchanges.push(exchange);
    }

    /// Begins a call and hangs up.
    pub(super) async fn hang_up(&mut self, call: &Call) {
        const PAUSE: Duration = Duration::from_millis(1);
        self.calls += 1;
        let Some(target) = self.target.http() else {
            let _ = timeout(PAUSE, self.answer_of(call)).await;
            return;
        };
        // However far the endpoint is, the whole call has to get there.
        let Some(request) = call.to_request() else { return };
        if let Ok(Ok(_connection)) = timeout(self.limit(), target.begin(&request)).await {
            sleep(PAUSE).await;
        }
    }

    pub(super) async fn send_raw(&mut self, call: Call) -> Result<Answer, Stop> {
        let outcome = self.answer_of(&call).await;
        self.note(call, outcome)
    }

    /// Writes down a call that was made, and judges its answer.
    pub(super) fn note(&mut self, call: Call, outcome: Result<Answer, TargetError>) -> Result<Answer, Stop> {
        self.calls += 1;
        if outcome.as_ref().is_err_and(TargetError::is_timeout) {
            self.timeouts += 1;
        }
        let exchange = Exchange::new(&call, &outcome, Some(&self.key), &self.target.name());
        if let (Ok(answer), true) = (&outcome, call.is_judged) {
            form::judge(self, &call, answer, &exchange);
        }
        self.keep(exchange);
        outcome.map_err(Stop::from)
    }

    /// The URL that the calls go to.
    pub(super) fn http(&self) -> Result<HttpTarget, Stop> {
        self.target
            .http()
            .cloned()
            .ok_or_else(|| Stop::not_run("the target runs in this process: there is no connection"))
    }

    /// Records that a rule for every answer was applied.
    pub(super) fn judge(&mut self, id: &'static str, exchange: &Exchange, failure: Option<Failure>) {
        *self.findings.judged.entry(id).or_default() += 1;
        if let Some(failure) = failure {
            self.findings.broken.entry(id).or_insert_with(|| (failure, exchange.clone()));
        }
    }

    /// Tells what answers took, as D1 asks for it.
    pub(super) fn remark_durations(&mut self) {
        for (activity, mut taken) in std::mem::take(&mut self.durations) {
            taken.sort_unstable();
            // The nearest rank.
            let at = |percent: usize| taken[(taken.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1000.0;
            let (p50, p95, p100) = (at(50), at(95), at(100));
            let count = taken.len();
            let note = format!("{activity}: p50 {p50:.1} ms, p95 {p95:.1} ms, p100 {p100:.1} ms of {count} answers");
            self.remark("D1", note);
        }
    }

    /// Notes something beside a rule for every answer, once.
    pub(super) fn remark(&mut self, id: &'static str, note: String) {
        let notes = self.findings.notes.entry(id).or_default();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// What is checked are effects, which calls with `testFlag` 1 do not have.
    pub(super) fn wants_effects(&self) -> Checked {
        match self.author.test_flag {
            true => Err(Stop::not_run("calls with testFlag 1 have no effect")),
            false => Ok(()),
        }
    }

    /// Buys, waits until it is there, and gives its instance id.
    pub(super) async fn buy(&mut self, purchase: &Message) -> Result<String, Stop> {
        let reading = self.tell(purchase).await?;
        self.settled(purchase, reading).await
    }

    /// Waits until what was accepted is done.
    pub(super) async fn settled(&mut self, purchase: &Message, reading: Reading) -> Result<String, Stop> {
        reading.accepted("a purchase")?;
        let id = reading.instance_id().ok_or_else(|| {
            Stop::failed("an instanceId", "an answer to a purchase without one", "the answer lacks instanceId")
        })?;
        let id = id.to_owned();
        if self.is_put_off(&reading) {
            self.wait_for(purchase, &id).await?;
        }
        if let Some(desk) = &self.author.desk {
            desk.put_instance(Instance::on_demand(&*id, desk.now()));
        }
        Ok(id)
    }

    /// Whether a purchase is accepted, but not done. V1.0 has no code for it: there the id comes alone.
    pub(super) fn is_put_off(&self, reading: &Reading) -> bool {
        let has_access = reading.json.as_ref().is_some_and(|json| json.get("appInfo").is_some());
        reading.is_processing() || (self.profile == Protocol::SaasV1.into() && reading.is_success() && !has_access)
    }

    /// Whether an answer to the question says that it is.
    pub(super) fn is_done(&self, reading: &Reading, id: &str) -> bool {
        reading.is_success() && (self.profile != Protocol::SaasV1.into() || reading.described_ids().contains(&id))
    }

    /// What asks whether a purchase is done: a query, or the purchase once more where there is none.
    pub(super) fn question(&mut self, purchase: &Message, id: &str) -> Message {
        let again = |author: &mut Author| purchase.clone().with("businessId", author.ids.uuid());
        self.author.query(&[id]).unwrap_or_else(|| again(&mut self.author))
    }

    /// How long one waits for what was put off.
    pub(super) fn patience(&self) -> Patience {
        Patience::new(self.ready_within)
    }

    /// Asks for an instance until it is there, as the marketplace does.
    async fn wait_for(&mut self, purchase: &Message, id: &str) -> Checked {
        let mut patience = self.patience();
        loop {
            let question = self.question(purchase, id);
            let reading = self.tell(&question).await?;
            if self.is_done(&reading, id) {
                return Ok(());
            }
            if !patience.pause().await {
                return Err(patience.exhausted());
            }
        }
    }

    /// An instance of a new order.
    pub(super) async fn instance(&mut self) -> Result<String, Stop> {
        self.wants_effects()?;
        let purchase = self.author.purchase();
        self.buy(&purchase).await
    }

    /// The seller's instances, if there is a probe.
    pub(super) async fn probed(&self) -> Result<Option<Vec<ProbedInstance>>, Stop> {
        let Some(probe) = &self.probe else { return Ok(None) };
        probe.instances().await.map(Some).map_err(|error| Stop::NotRun(error.to_string()))
    }

    /// How many instances an order has; `None` without a probe.
    pub(super) async fn instances_of(&self, order: &str) -> Result<Option<usize>, Stop> {
        let probed = self.probed().await?;
        Ok(probed.map(|instances| instances.iter().filter(|instance| instance.order_id == order).count()))
    }

    /// The order must have exactly so many instances, as far as one can see.
    pub(super) async fn expect_instances(&self, order: &str, wanted: usize) -> Checked {
        match self.instances_of(order).await? {
            Some(count) if count != wanted => Err(Stop::failed(
                format!("{wanted} instances of the order"),
                format!("{count} in the seller's list"),
                if count > wanted {
                    "a call had an effect that it must not have"
                } else {
                    "a call has left nothing behind"
                },
            )),
            _ => Ok(()),
        }
    }

    /// One instance as the seller has it; `None` without a probe.
    pub(super) async fn probed_instance(&self, id: &str) -> Result<Option<ProbedInstance>, Stop> {
        let Some(instances) = self.probed().await? else { return Ok(None) };
        match instances.into_iter().find(|instance| instance.instance_id == id) {
            Some(instance) => Ok(Some(instance)),
            None => Err(Stop::failed(
                "the instance in the seller's list",
                "no such instance",
                "the id that was answered is not the one that the seller keeps",
            )),
        }
    }

    /// The state must be this, as far as one can see.
    pub(super) async fn expect_state(&self, id: &str, wanted: &str, after: &str) -> Checked {
        let Some(instance) = self.probed_instance(id).await? else { return Ok(()) };
        match instance.state.as_deref() {
            Some(state) if state != wanted => Err(Stop::failed(
                format!("the instance is {wanted} after {after}"),
                format!("it is {state}"),
                format!("{after} has not the effect that was answered"),
            )),
            _ => Ok(()),
        }
    }
}
