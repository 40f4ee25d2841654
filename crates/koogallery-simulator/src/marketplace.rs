//! A marketplace that sells to customers and calls a seller.

mod attempt;
mod call_options;
mod lifecycle;
mod subscription;
mod time;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request;

pub use self::attempt::Attempt;
pub use self::call_options::CallOptions;
pub use self::lifecycle::LifecycleError;
pub use self::subscription::{Subscription, SubscriptionState};

use self::time::Time;
use super::delivery::{Callback, DeliveryError, DeliveryOutcome, Endpoint, Schedule};
use super::ring::Ring;
use super::target::{ErasedTarget, Target};
use super::{OpenApiServer, OrderSpec, PlacedOrder, SeededRandom};
use koogallery::clock::{Clock, ManualClock, SystemClock};
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
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_call: Option<Timestamp>,
    subscriptions: BTreeMap<String, Subscription>,
    log: Ring<Attempt>,
}

/// Settings of a [`Marketplace`].
pub struct MarketplaceBuilder {
    target: Arc<dyn ErasedTarget>,
    keys: AccessKeys,
    open_api: Option<OpenApiServer>,
    clock: Option<Arc<ManualClock>>,
    compression: u32,
    seed: u64,
}

impl Marketplace {
    /// Creates a marketplace that calls this target, with these keys of the seller.
    pub fn builder(target: impl Target, keys: AccessKeys) -> MarketplaceBuilder {
        MarketplaceBuilder { target: Arc::new(target), keys, open_api: None, clock: None, compression: 1, seed: 0 }
    }

    /// Returns the open-API server that the seller calls.
    pub fn open_api(&self) -> &OpenApiServer {
        &self.inner.open_api
    }

    /// Returns the time by which subscriptions begin and expire.
    pub fn now(&self) -> Timestamp {
        self.inner.time.calendar()
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

    /// Returns the calls made since the last `take_log`.
    pub fn take_log(&self) -> Vec<Attempt> {
        self.state().log.take()
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
            let request = self.sign(callback, &CallOptions::default())?;
            let attempt = self.attempt(callback, request, number, &CallOptions::default()).await;
            if attempt.outcome.is_final() || number >= schedule.attempts() {
                return Ok(attempt);
            }
            number += 1;
            self.inner.time.wait(schedule.interval()).await;
        }
    }

    /// Makes a single call with these options, without retries.
    ///
    /// # Errors
    ///
    /// The call cannot be signed.
    pub async fn call(&self, callback: &Callback, options: &CallOptions) -> Result<Attempt, DeliveryError> {
        let request = self.sign(callback, options)?;
        Ok(self.attempt(callback, request, 1, options).await)
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
        self.attempt(callback, request, 1, &CallOptions::default()).await
    }

    async fn attempt(
        &self,
        callback: &Callback,
        request: Request<Bytes>,
        number: u32,
        options: &CallOptions,
    ) -> Attempt {
        let Inner { target, endpoint, time, .. } = &*self.inner;
        let deadline = callback.protocol().timeout();
        let outcome = options.answer(&**target, request.clone(), deadline).await;
        let mut attempt = Attempt::new(time.now(), number, callback, &request, outcome, endpoint, &target.name());
        self.state().log.push(|sequence| {
            attempt.sequence = sequence;
            attempt.clone()
        });
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

impl MarketplaceBuilder {
    /// Sets the open-API server that the seller calls (default: one that admits no caller).
    #[must_use]
    pub fn open_api(mut self, open_api: OpenApiServer) -> Self {
        self.open_api = Some(open_api);
        self
    }

    /// Uses a virtual clock that only the marketplace moves: instead of waiting it advances the clock. The seller and
    /// the open-API server must use the same clock.
    #[must_use]
    pub fn virtual_time(mut self, clock: Arc<ManualClock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Speeds time up by this factor: with 3600, an hour between two attempts takes a second, and a year two and a half
    /// hours. Calls are still signed with the real time.
    #[must_use]
    pub fn compressed(mut self, factor: u32) -> Self {
        self.compression = factor.max(1);
        self
    }

    /// Sets the seed for ids and nonces (default: 0). A seller with a durable store remembers the orders of the
    /// previous run.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Builds the marketplace.
    pub fn build(self) -> Marketplace {
        let Self { target, keys, open_api, clock, compression, seed } = self;
        let address = target.path().parse().unwrap_or_default();
        let open_api = open_api.unwrap_or_else(|| {
            let builder = OpenApiServer::builder().seed(seed);
            match &clock {
                Some(clock) => builder.clock(Arc::clone(clock)).build(),
                None => builder.build(),
            }
        });
        let time = match clock {
            Some(clock) => Time::Virtual(clock),
            None => Time::Real { begun: SystemClock.now(), compression },
        };
        let inner = Inner {
            endpoint: Endpoint::new(address, keys),
            target,
            open_api,
            time,
            random: SeededRandom::new(seed),
            state: Mutex::default(),
        };
        Marketplace { inner: Arc::new(inner) }
    }
}

impl fmt::Debug for Marketplace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marketplace").field("target", &self.inner.target.name()).finish_non_exhaustive()
    }
}

impl fmt::Debug for MarketplaceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MarketplaceBuilder").field("target", &self.target.name()).finish_non_exhaustive()
    }
}
