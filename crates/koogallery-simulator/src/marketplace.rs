//! A marketplace that sells to customers and calls a seller.

mod attempt;
mod builder;
mod call_options;
mod due;
mod fault;
mod held;
mod lifecycle;
mod sent;
mod subscription;
mod time;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::sync::watch;

pub use self::attempt::Attempt;
pub use self::builder::MarketplaceBuilder;
pub use self::call_options::CallOptions;
pub use self::fault::{CallbackFault, CallbackFaultRule};
pub use self::lifecycle::LifecycleError;
pub use self::sent::SentCall;
pub use self::subscription::{Subscription, SubscriptionState};

use self::attempt::Planned;
use self::fault::Faults;
use self::held::HeldCalls;
use self::sent::Sent;
use self::time::Time;
use super::delivery::{Callback, DeliveryError, DeliveryOutcome, Endpoint, Schedule};
use super::ring::Ring;
use super::target::{ErasedTarget, Target};
use super::{OpenApiServer, OrderSpec, PlacedOrder, SeededRandom};
use koogallery::key::AccessKeys;
use koogallery::timestamp::Timestamp;

/// A mock of the marketplace: it takes orders, calls the seller with signed callbacks, retries as documented, tracks
/// subscriptions and their expiry, and answers the seller's own calls with its [`OpenApiServer`]. Clones share everything.
///
/// The same seed makes the same orders and calls, except for the time. With a [virtual
/// clock](MarketplaceBuilder::virtual_time) a year passes at once, retries included; real time can be
/// [compressed](MarketplaceBuilder::compressed).
///
/// A whole lifecycle in a test, without a socket; instead of the service, any function from request to response works too:
///
/// ```
/// # use koogallery::callback::CallbackService;
/// # use koogallery::key::AccessKeys;
/// use std::sync::Arc;
///
/// use koogallery::clock::ManualClock;
/// use koogallery::open_api::query_order::PeriodType;
/// use koogallery::protocol::Protocol;
/// use koogallery_simulator::{LineSpec, Marketplace, OrderSpec, SubscriptionState};
///
/// # async fn example(service: CallbackService, keys: AccessKeys, clock: Arc<ManualClock>) -> Result<(), Box<dyn std::error::Error>> {
/// let marketplace = Marketplace::builder(service, keys).virtual_time(clock).seed(7).build();
/// let order = marketplace.place_order(OrderSpec::new(LineSpec::period("OFFI1", PeriodType::Year, 1)));
/// let bought = marketplace.buy(Protocol::SaasV2, &order, 0).await?;
/// marketplace.renew(&bought.instance_id, PeriodType::Year, 1).await?;
///
/// // Two years on it is frozen; 15 days later it is released.
/// marketplace.run_until(marketplace.now().saturating_add(std::time::Duration::from_secs(750 * 86400))).await;
/// let ended = marketplace.subscription(&bought.instance_id).ok_or("unknown")?;
/// assert_eq!(ended.state, SubscriptionState::Released);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "mock")]
#[doc(alias = "fake")]
#[doc(alias = "test double")]
#[doc(alias = "云商店")]
#[derive(Clone)]
pub struct Marketplace {
    inner: Arc<Inner>,
}

struct Inner {
    target: Arc<dyn ErasedTarget>,
    endpoint: Endpoint,
    open_api: OpenApiServer,
    time: Time,
    random: SeededRandom,
    /// Number of calls that were held back.
    held_back: watch::Sender<u64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_call: Option<Timestamp>,
    subscriptions: BTreeMap<String, Subscription>,
    log: Ring<Attempt>,
    sent: Sent,
    faults: Faults,
    held: HeldCalls,
}

impl Marketplace {
    /// Creates a marketplace that calls this target, with these keys of the seller.
    pub fn builder(target: impl Target, keys: AccessKeys) -> MarketplaceBuilder {
        MarketplaceBuilder::new(Arc::new(target), keys)
    }

    /// Returns the open-API server that the seller calls.
    pub fn open_api(&self) -> &OpenApiServer {
        &self.inner.open_api
    }

    /// Returns the time by which subscriptions begin and expire.
    pub fn now(&self) -> Timestamp {
        self.inner.time.calendar()
    }

    /// Moves this time forward, so that retries, expiries and releases become due; calls are still signed with the time of
    /// the clock, except in [virtual time](MarketplaceBuilder::virtual_time). What becomes due is processed by
    /// [`run_due`](Self::run_due). The calendar stops where the year 9999 begins.
    pub fn advance(&self, by: Duration) {
        self.inner.time.advance(by);
    }

    /// Returns by how many whole seconds the calendar is ahead of the clock.
    pub(super) fn ahead(&self) -> Duration {
        let now = self.inner.time.now();
        Duration::from_secs(self.now().max(now).abs_diff(now).as_secs())
    }

    pub(super) fn put_subscriptions(&self, subscriptions: Vec<Subscription>) {
        let entries = subscriptions.into_iter().map(|sold| (sold.instance_id.clone(), sold));
        self.state().subscriptions.extend(entries);
    }

    /// Places an order, which the seller can then query. The seller is not called yet.
    pub fn place_order(&self, spec: OrderSpec) -> PlacedOrder {
        self.inner.open_api.place_order_at(spec, self.now())
    }

    /// Returns all subscriptions, ordered by instance id.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.state().subscriptions.values().cloned().collect()
    }

    /// Returns one subscription.
    pub fn subscription(&self, instance_id: &str) -> Option<Subscription> {
        self.state().subscriptions.get(instance_id).cloned()
    }

    /// Returns the latest calls, at most 10,000.
    pub fn log(&self) -> Vec<Attempt> {
        self.log_after(0)
    }

    /// Returns the calls of the [log](Self::log) after the one with this [number](Attempt::sequence).
    pub fn log_after(&self, sequence: u64) -> Vec<Attempt> {
        self.state().log.after(sequence)
    }

    /// Returns the latest calls of the [log](Self::log) that are wanted, at most so many, the latest first.
    pub fn log_where(&self, limit: usize, is_wanted: impl Fn(&Attempt) -> bool) -> Vec<Attempt> {
        self.state().log.latest_where(limit, is_wanted)
    }

    /// Returns the call of the [log](Self::log) with this [number](Attempt::sequence).
    pub fn logged(&self, sequence: u64) -> Option<Attempt> {
        self.state().log.get(sequence)
    }

    /// Returns the calls made since the last `take_log`.
    pub fn take_log(&self) -> Vec<Attempt> {
        self.state().log.take()
    }

    /// Returns a call of the [log](Self::log) in full. The latest are kept, up to 64 MB.
    pub fn sent(&self, sequence: u64) -> Option<SentCall> {
        self.state().sent.get(sequence).cloned()
    }

    /// Makes a call, with retries as its [schedule](Callback::schedule) says, until the seller confirms it. Returns the
    /// last outcome.
    ///
    /// # Errors
    ///
    /// The call cannot be signed.
    pub async fn deliver(&self, callback: &Callback) -> Result<DeliveryOutcome, DeliveryError> {
        self.deliver_by(callback, callback.schedule()).await
    }

    /// Makes a call like [`deliver`](Self::deliver), with another schedule.
    ///
    /// # Errors
    ///
    /// The call cannot be signed.
    pub async fn deliver_by(&self, callback: &Callback, schedule: Schedule) -> Result<DeliveryOutcome, DeliveryError> {
        Ok(self.repeat(callback, schedule).await?.outcome)
    }

    /// Returns the last attempt.
    async fn repeat(&self, callback: &Callback, schedule: Schedule) -> Result<Attempt, DeliveryError> {
        let mut number = 1;
        loop {
            let interval = (number < schedule.attempts()).then(|| schedule.interval());
            let attempt = self.deliver_once(callback, number, interval).await?;
            let Some(interval) = interval.filter(|_| !attempt.outcome.is_final()) else { return Ok(attempt) };
            number += 1;
            self.inner.time.wait(interval).await;
        }
    }

    /// Makes a single call with these options, without retries.
    ///
    /// # Errors
    ///
    /// The call cannot be signed.
    pub async fn call(&self, callback: &Callback, options: &CallOptions) -> Result<Attempt, DeliveryError> {
        let request = self.sign(callback, options)?;
        Ok(self.attempt(Planned { callback, number: 1, options, interval: None }, request).await)
    }

    /// Signs a request as [`call`](Self::call) does, to be sent with [`send`](Self::send), any number of times.
    ///
    /// # Errors
    ///
    /// The call cannot be signed.
    pub fn sign(&self, callback: &Callback, options: &CallOptions) -> Result<Request<Bytes>, DeliveryError> {
        let endpoint = options.endpoint(&self.inner.endpoint, callback.protocol());
        let at = options.time(self.next_time());
        Ok(options.damaged(callback.request(&endpoint, at, &self.inner.random)?))
    }

    /// Sends a request that was signed before.
    pub async fn send(&self, callback: &Callback, request: Request<Bytes>) -> Attempt {
        let options = &CallOptions::default();
        self.attempt(Planned { callback, number: 1, options, interval: None }, request).await
    }

    async fn attempt(&self, planned: Planned<'_>, request: Request<Bytes>) -> Attempt {
        let Inner { target, endpoint, time, .. } = &*self.inner;
        let Planned { callback, options, .. } = planned;
        let outcome = options.answer(&**target, request.clone(), callback.protocol().timeout()).await;
        let (mut attempt, bodies) = Attempt::new(time, &planned, &request, outcome, endpoint, &target.name());
        let sent = SentCall::new(callback.clone(), request, bodies, options.describe());
        let mut state = self.state();
        state.log.push(|sequence| {
            attempt.sequence = sequence;
            attempt.clone()
        });
        state.sent.push(attempt.sequence, sent);
        if !state.held.is_empty() {
            state.held.let_go(callback.instance_id());
        }
        attempt
    }

    /// No two calls have the same timestamp: V1.0 distinguishes calls by it.
    fn next_time(&self) -> Timestamp {
        let now = self.inner.time.now();
        let mut state = self.state();
        let next = state.last_call.map_or(now, |last| now.max(last.saturating_add(Duration::from_millis(1))));
        state.last_call = Some(next);
        next
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Marketplace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marketplace").field("target", &self.inner.target.name()).finish_non_exhaustive()
    }
}
