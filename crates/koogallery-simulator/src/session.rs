//! One run: makes the calls, and records the answers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::call::{Call, Proof, Signer};
use super::client_secret::Sealed;
use super::form;
use super::http_target::HttpTarget;
use super::judge::Judge;
use super::message::{Author, Message};
use super::open_api_server::Instance;
use super::patience::Patience;
use super::probe::{ErasedProbe, ProbedInstance};
use super::profile::Profile;
use super::reading::Reading;
use super::report::Exchange;
pub(super) use super::stop::{Checked, Stop};
use super::target::{Answer, ErasedTarget, TargetError};
use koogallery::clock::Clock;
use koogallery::key::AccessKey;
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;

/// A target may exceed the deadline by this much, whatever its own limits: late is not the same as never.
const LATE: Duration = Duration::from_secs(5);

/// Default timeout for an instance to become ready.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// After this many timeouts the rest is not run, so that a report never takes an hour.
const MAX_TIMEOUTS: u32 = 3;

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
    last_time: Timestamp,
    timeouts: u32,
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
            last_time: Timestamp::from_unix_millis(0),
            timeouts: 0,
        }
    }

    /// No two calls have the same timestamp: V1.0 distinguishes calls by it.
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

    fn limit(&self) -> Duration {
        self.judge.deadline.max(self.profile.timeout()).saturating_add(LATE)
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

    pub(super) async fn send(&mut self, call: Call) -> Result<Reading, Stop> {
        let outcome = self.answer_of(&call).await;
        self.note(call, outcome).map(|answer| Reading::new(&answer))
    }

    /// Sends concurrently.
    pub(super) async fn send_all(&mut self, calls: Vec<Call>) -> Result<Vec<Reading>, Stop> {
        let outcomes = join_all(calls.iter().map(|call| self.answer_of(call))).await;
        let noted = calls.into_iter().zip(outcomes);
        noted.map(|(call, outcome)| self.note(call, outcome).map(|answer| Reading::new(&answer))).collect()
    }

    /// Disconnects after some time, as the marketplace does; `None` then.
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

    pub(super) async fn send_raw(&mut self, call: Call) -> Result<Answer, Stop> {
        let outcome = self.answer_of(&call).await;
        self.note(call, outcome)
    }

    /// Records a call, and judges its answer.
    pub(super) fn note(&mut self, call: Call, outcome: Result<Answer, TargetError>) -> Result<Answer, Stop> {
        self.calls += 1;
        if outcome.as_ref().is_err_and(TargetError::is_timeout) {
            self.timeouts += 1;
        }
        let exchange = Exchange::new(&call, &outcome, Some(&self.key), &self.target.name());
        if let (Ok(answer), true) = (&outcome, call.is_judged) {
            form::judge(&mut self.judge, &call, answer, &exchange);
        }
        self.keep(exchange);
        outcome.map_err(Stop::from)
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
        let id = reading.instance_id().ok_or_else(|| {
            Stop::failed("an instanceId", "an answer to a purchase without one", "the answer lacks instanceId")
        })?;
        let id = id.to_owned();
        if self.is_put_off(&reading) {
            self.wait_for(purchase, &id).await?;
        }
        if let Some(open_api) = &self.author.open_api {
            open_api.put_instance(Instance::on_demand(&*id, open_api.now()));
        }
        Ok(id)
    }

    /// Returns whether a purchase is accepted but not done. V1.0 has no code for it: there the answer contains the id
    /// alone.
    pub(super) fn is_put_off(&self, reading: &Reading) -> bool {
        let has_access = reading.json.as_ref().is_some_and(|json| json.get("appInfo").is_some());
        reading.is_processing() || (self.profile == Protocol::SaasV1.into() && reading.is_success() && !has_access)
    }

    /// Returns whether the answer to a query says that the instance is ready.
    pub(super) fn is_done(&self, reading: &Reading, id: &str) -> bool {
        reading.is_success() && (self.profile != Protocol::SaasV1.into() || reading.described_ids().contains(&id))
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
            if !patience.pause().await {
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

    /// Returns the seller's instances, if there is a probe.
    pub(super) async fn probed(&self) -> Result<Option<Vec<ProbedInstance>>, Stop> {
        let Some(probe) = &self.probe else { return Ok(None) };
        probe.instances().await.map(Some).map_err(|error| Stop::NotRun(error.to_string()))
    }

    /// Returns the number of instances of an order; `None` without a probe.
    pub(super) async fn instances_of(&self, order: &str) -> Result<Option<usize>, Stop> {
        let probed = self.probed().await?;
        Ok(probed.map(|instances| instances.iter().filter(|instance| instance.order_id == order).count()))
    }

    /// Expects the order to have exactly this many instances, if there is a probe.
    pub(super) async fn expect_instances(&self, order: &str, wanted: usize) -> Checked {
        match self.instances_of(order).await? {
            Some(count) if count != wanted => Err(Stop::failed(
                format!("{wanted} instances of the order"),
                format!("{count} in the seller's list"),
                if count > wanted { "a call had a forbidden effect" } else { "a call had no effect" },
            )),
            _ => Ok(()),
        }
    }

    /// Returns one instance in the seller's data; `None` without a probe.
    pub(super) async fn probed_instance(&self, id: &str) -> Result<Option<ProbedInstance>, Stop> {
        let Some(instances) = self.probed().await? else { return Ok(None) };
        match instances.into_iter().find(|instance| instance.instance_id == id) {
            Some(instance) => Ok(Some(instance)),
            None => Err(Stop::failed(
                "the instance in the seller's list",
                "no such instance",
                "the id in the answer is not the stored one",
            )),
        }
    }

    /// Expects this state, if there is a probe.
    pub(super) async fn expect_state(&self, id: &str, wanted: &str, after: &str) -> Checked {
        let Some(instance) = self.probed_instance(id).await? else { return Ok(()) };
        match instance.state.as_deref() {
            Some(state) if state != wanted => Err(Stop::failed(
                format!("the instance is {wanted} after {after}"),
                format!("it is {state}"),
                format!("{after} does not have the confirmed effect"),
            )),
            _ => Ok(()),
        }
    }
}
