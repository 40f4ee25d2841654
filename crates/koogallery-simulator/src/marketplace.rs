//! The marketplace with a seller: it sells, and tells the seller of it.

mod attempt;
mod life;
mod manner;
mod subscription;
mod time;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request;

pub use self::attempt::Attempt;
pub use self::life::LifeError;
pub use self::manner::Manner;
pub use self::subscription::{Subscription, SubscriptionState};

use self::time::Time;
use super::delivery::{Callback, DeliveryError, Endpoint, Schedule, Verdict};
use super::target::{ErasedTarget, Target};
use super::{Desk, OrderSpec, PlacedOrder, SeededRandom};
use koogallery::clock::{Clock, ManualClock, SystemClock};
use koogallery::key::AccessKeys;
use koogallery::timestamp::Timestamp;

/// How many attempts the log keeps.
const LOGGED: usize = 10_000;

/// The marketplace with a seller: it takes orders, tells the seller of them with signed calls, repeats what fails as the
/// documents say, knows what it sold and when that expires, and answers the seller's own calls at its [`Desk`]. Clones share
/// everything.
///
/// The same seed makes the same orders and calls, but for the time. On a [virtual clock](MarketplaceBuilder::virtual_time)
/// a year passes in no time, retries included; on the real one schedules may be
/// [compressed](MarketplaceBuilder::compressed).
///
/// A whole life in a test, without a socket; any function from request to response will do for the service:
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
/// let ended = marketplace.subscription(&bought.instance_id).ok_or("it was sold")?;
/// assert_eq!(ended.state, SubscriptionState::Released);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Marketplace {
    inner: Arc<Inner>,
}

struct Inner {
    target: Arc<dyn ErasedTarget>,
    endpoint: Endpoint,
    desk: Desk,
    time: Time,
    random: SeededRandom,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_call: Option<Timestamp>,
    subscriptions: BTreeMap<String, Subscription>,
    log: VecDeque<Attempt>,
}

/// Settings of a [`Marketplace`].
pub struct MarketplaceBuilder {
    target: Arc<dyn ErasedTarget>,
    keys: AccessKeys,
    desk: Option<Desk>,
    clock: Option<Arc<ManualClock>>,
    compression: u32,
    seed: u64,
}

impl Marketplace {
    /// Sells for a seller who has these keys and answers at this target.
    pub fn builder(target: impl Target, keys: AccessKeys) -> MarketplaceBuilder {
        MarketplaceBuilder { target: Arc::new(target), keys, desk: None, clock: None, compression: 1, seed: 0 }
    }

    /// What the seller calls.
    pub fn desk(&self) -> &Desk {
        &self.inner.desk
    }

    /// The time by which things are sold and expire.
    pub fn now(&self) -> Timestamp {
        self.inner.time.calendar()
    }

    /// Takes an order, of which the seller may ask at the desk. Nobody is told yet.
    pub fn place_order(&self, spec: OrderSpec) -> PlacedOrder {
        self.inner.desk.place_order_at(spec, self.now())
    }

    /// What was sold, in the order of the instance ids.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.state().subscriptions.values().cloned().collect()
    }

    /// One thing that was sold.
    pub fn subscription(&self, instance_id: &str) -> Option<Subscription> {
        self.state().subscriptions.get(instance_id).cloned()
    }

    /// The calls that were made, the latest 10,000 of them.
    pub fn log(&self) -> Vec<Attempt> {
        self.state().log.iter().cloned().collect()
    }

    /// The calls that were made since this was called last.
    pub fn take_log(&self) -> Vec<Attempt> {
        std::mem::take(&mut self.state().log).into()
    }

    /// Makes a call, again and again as its [schedule](Callback::schedule) says, until the seller has understood. Gives the
    /// last verdict.
    ///
    /// # Errors
    ///
    /// The call cannot be signed.
    pub async fn deliver(&self, callback: &Callback) -> Result<Verdict, DeliveryError> {
        self.deliver_by(callback, callback.schedule()).await
    }

    /// As [`deliver`](Self::deliver), by another schedule.
    ///
    /// # Errors
    ///
    /// The call cannot be signed.
    pub async fn deliver_by(&self, callback: &Callback, schedule: Schedule) -> Result<Verdict, DeliveryError> {
        Ok(self.repeat(callback, schedule).await?.verdict)
    }

    /// The last attempt.
    async fn repeat(&self, callback: &Callback, schedule: Schedule) -> Result<Attempt, DeliveryError> {
        let mut number = 1;
        loop {
            let request = self.sign(callback, &Manner::default())?;
            let attempt = self.attempt(callback, request, number, &Manner::default()).await;
            if attempt.verdict.is_final() || number >= schedule.attempts() {
                return Ok(attempt);
            }
            number += 1;
            self.inner.time.wait(schedule.interval()).await;
        }
    }

    /// Makes one call, in a manner of its own.
    ///
    /// # Errors
    ///
    /// The call cannot be signed.
    pub async fn call(&self, callback: &Callback, manner: &Manner) -> Result<Attempt, DeliveryError> {
        let request = self.sign(callback, manner)?;
        Ok(self.attempt(callback, request, 1, manner).await)
    }

    /// A request as [`call`](Self::call) makes it; to be sent with [`send`](Self::send), more than once if one likes.
    ///
    /// # Errors
    ///
    /// The call cannot be signed.
    pub fn sign(&self, callback: &Callback, manner: &Manner) -> Result<Request<Bytes>, DeliveryError> {
        let endpoint = manner.endpoint(&self.inner.endpoint, callback.protocol());
        let at = manner.time(self.next_time());
        Ok(manner.damaged(callback.request(&endpoint, at, &self.inner.random)?))
    }

    /// Sends what was signed before.
    pub async fn send(&self, callback: &Callback, request: Request<Bytes>) -> Attempt {
        self.attempt(callback, request, 1, &Manner::default()).await
    }

    async fn attempt(&self, callback: &Callback, request: Request<Bytes>, number: u32, manner: &Manner) -> Attempt {
        let Inner { target, endpoint, time, .. } = &*self.inner;
        let deadline = callback.protocol().timeout();
        let outcome = manner.answer(&**target, request.clone(), deadline).await;
        let attempt = Attempt::new(time.now(), number, callback, &request, outcome, endpoint, &target.name());
        let mut state = self.state();
        if state.log.len() == LOGGED {
            state.log.pop_front();
        }
        state.log.push_back(attempt.clone());
        attempt
    }

    /// No two calls are of the same moment: that of V1.0 tells them apart.
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
    /// The desk that the seller calls; one that admits nobody unless set.
    #[must_use]
    pub fn desk(mut self, desk: Desk) -> Self {
        self.desk = Some(desk);
        self
    }

    /// Lives by a clock that only the marketplace moves: instead of waiting it moves the clock. The seller and the desk have
    /// to live by the same one.
    #[must_use]
    pub fn virtual_time(mut self, clock: Arc<ManualClock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Lives so many times as fast as the documents say: with 3600 an hour between two tries is a second, and a year two
    /// hours and a half. Calls are signed by the real time all the same.
    #[must_use]
    pub fn compressed(mut self, factor: u32) -> Self {
        self.compression = factor.max(1);
        self
    }

    /// From what ids and nonces are drawn; 0 unless set. A seller with a durable store knows the orders of the last run.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The marketplace.
    pub fn build(self) -> Marketplace {
        let Self { target, keys, desk, clock, compression, seed } = self;
        let address = target.path().parse().unwrap_or_default();
        let desk = desk.unwrap_or_else(|| {
            let builder = Desk::builder().seed(seed);
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
            desk,
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
