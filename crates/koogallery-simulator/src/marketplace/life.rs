//! What becomes of what is sold.

use super::subscription::{Due, Subscription, SubscriptionState};
use super::{Attempt, Marketplace};
use crate::delivery::{Binding, Callback, DeliveryError, Schedule, Verdict};
use crate::desk::end_of_period;
use crate::{LineSpec, OrderSpec, PlacedOrder};
use koogallery::activity::Activity;
use koogallery::open_api::query_order::{OrderType, PeriodType};
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;
use koogallery::wire::RenewalScene;

/// How long the access data of a new instance are asked for is not documented; as long as a purchase is repeated.
const UNTIL_OPEN: Schedule = Schedule::every(std::time::Duration::from_secs(120), 90);

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LifeError {
    /// Nothing with this id was sold.
    #[error("nothing with the id {0:?} was sold")]
    Unknown(String),
    /// It has been released.
    #[error("{0} has been released")]
    Released(String),
    /// The family has no such call, or the order no such line.
    #[error("{} has no {what}", protocol.id())]
    NotOffered {
        /// The family.
        protocol: Protocol,
        /// What was wanted.
        what: &'static str,
    },
    /// The call cannot be signed.
    #[error(transparent)]
    Call(#[from] DeliveryError),
    /// The seller did not understand, however often it was told.
    #[error("{activity} was given up: {verdict}")]
    GivenUp {
        /// The call.
        activity: Activity,
        /// What came of the last try.
        verdict: Verdict,
    },
    /// The seller accepted a purchase without naming the instance.
    #[error("the answer to the purchase has no instanceId")]
    NoInstanceId,
}

impl Marketplace {
    /// Sells a line of an order, counted from 0: tells the seller, then asks for access data until they are there. An
    /// authorization code is sold without a call, since none tells of it: its id is the code.
    ///
    /// # Errors
    ///
    /// The seller refuses to the end, and the order is refunded; or the order has no such line.
    pub async fn buy(&self, protocol: Protocol, order: &PlacedOrder, line: usize) -> Result<Subscription, LifeError> {
        if protocol == Protocol::LicenseCode {
            return self.sell_code(order, line);
        }
        let purchase = Callback::purchase(protocol, order, line);
        let verdict = self.tell(protocol, "purchase of this line", purchase).await?;
        let instance_id = verdict.instance_id().ok_or(LifeError::NoInstanceId)?.to_owned();
        let state = match verdict {
            Verdict::Processing { .. } => SubscriptionState::Opening,
            _ => SubscriptionState::Active,
        };
        self.inner.desk.open_instance(order, line, &instance_id);
        let sold = self.enter(protocol, order, line, instance_id, state);
        self.await_opening(&sold).await
    }

    fn sell_code(&self, order: &PlacedOrder, line: usize) -> Result<Subscription, LifeError> {
        let missing = LifeError::NotOffered { protocol: Protocol::LicenseCode, what: "purchase of this line" };
        let products = &order.spec.lines.get(line).ok_or_else(|| missing.clone())?.products;
        let product = products.first().ok_or(missing)?;
        let mut code = self.inner.desk.new_license();
        code.product_id.clone_from(&product.product_id);
        code.order_id.clone_from(&order.order_id);
        (code.amount, code.expire_time) = (product.linear_value, order.expire_time(line));
        self.inner.desk.put_license(code.clone());
        Ok(self.enter(Protocol::LicenseCode, order, line, code.license, SubscriptionState::Active))
    }

    fn enter(
        &self,
        protocol: Protocol,
        order: &PlacedOrder,
        line: usize,
        instance_id: String,
        state: SubscriptionState,
    ) -> Subscription {
        let (order, expire_time) = (order.clone(), order.expire_time(line));
        let earlier_expiries = Vec::new();
        let sold = Subscription { instance_id, protocol, order, line, state, expire_time, earlier_expiries };
        // What is sold again is the same thing.
        self.state().subscriptions.entry(sold.instance_id.clone()).or_insert(sold).clone()
    }

    /// Asks until the seller tells of the instance, as SaaS wants it.
    async fn await_opening(&self, sold: &Subscription) -> Result<Subscription, LifeError> {
        if sold.protocol == Protocol::SaasV2 {
            let query = Callback::query(sold.protocol, &[&sold.instance_id]);
            if let Some(query) = query {
                understood(self.repeat(&query, UNTIL_OPEN).await?)?;
            }
        }
        self.change(&sold.instance_id, |sold| {
            if sold.state == SubscriptionState::Opening {
                sold.state = SubscriptionState::Active;
            }
        })
    }

    /// Renews for so many periods, which begin where the last one ends. What was frozen is unfrozen.
    ///
    /// # Errors
    ///
    /// The seller refuses to the end; nothing lives under this id; or the family has no renewals.
    pub async fn renew(&self, instance_id: &str, unit: PeriodType, periods: u32) -> Result<Subscription, LifeError> {
        self.extend(instance_id, RenewalScene::Renewal, OrderType::Renew, unit, periods).await
    }

    /// Makes a trial a subscription for so many periods from now on.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew).
    pub async fn formalize(
        &self,
        instance_id: &str,
        unit: PeriodType,
        periods: u32,
    ) -> Result<Subscription, LifeError> {
        self.extend(instance_id, RenewalScene::TrialToFormal, OrderType::TrialToFormal, unit, periods).await
    }

    async fn extend(
        &self,
        instance_id: &str,
        scene: RenewalScene,
        order_type: OrderType,
        unit: PeriodType,
        periods: u32,
    ) -> Result<Subscription, LifeError> {
        let sold = self.living(instance_id)?;
        let from = match scene {
            RenewalScene::TrialToFormal => None,
            _ => sold.expire_time,
        };
        let until = end_of_period(from.unwrap_or_else(|| self.now()), &unit, periods);
        let until = until.ok_or(LifeError::NotOffered { protocol: sold.protocol, what: "such period" })?;
        let line = LineSpec::period(sold.product_id(), unit, periods);
        let order = self.place_order(OrderSpec::new(line).order_type(order_type));
        self.refresh(&sold, scene, &order, until).await?;
        self.change(instance_id, |sold| {
            sold.earlier_expiries.push(sold.expire_time);
            sold.expire_time = Some(until);
        })?;
        match sold.state {
            SubscriptionState::Frozen { .. } => self.unfreeze(instance_id).await,
            _ => self.living(instance_id),
        }
    }

    /// Takes the last renewal back: the expiry is again what it was.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew); or there was no renewal.
    pub async fn cancel_renewal(&self, instance_id: &str) -> Result<Subscription, LifeError> {
        let sold = self.living(instance_id)?;
        let missing = LifeError::NotOffered { protocol: sold.protocol, what: "renewal to be cancelled" };
        let until = sold.earlier_expiries.last().copied().flatten().ok_or(missing)?;
        let line = LineSpec::one_time(sold.product_id());
        let order = self.place_order(OrderSpec::new(line).order_type(OrderType::Unsubscribe));
        self.refresh(&sold, RenewalScene::UnsubscribeRenewalPeriod, &order, until).await?;
        self.change(instance_id, |sold| {
            sold.earlier_expiries.pop();
            sold.expire_time = Some(until);
        })
    }

    async fn refresh(
        &self,
        sold: &Subscription,
        scene: RenewalScene,
        order: &PlacedOrder,
        until: Timestamp,
    ) -> Result<(), LifeError> {
        let callback = Callback::refresh(sold.protocol, scene, &sold.instance_id, order, until);
        self.tell(sold.protocol, "renewal", callback).await.map(drop)
    }

    /// Sells more, or better: the expiry stays.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew); only SaaS has upgrades.
    pub async fn upgrade(&self, instance_id: &str, line: LineSpec) -> Result<Subscription, LifeError> {
        let sold = self.living(instance_id)?;
        let order = self.place_order(OrderSpec::new(line).order_type(OrderType::Change));
        let callback = Callback::upgrade(sold.protocol, instance_id, &order);
        self.tell(sold.protocol, "upgrade", callback).await?;
        self.living(instance_id)
    }

    /// Freezes, because it has expired or breaks a rule. It is frozen whatever the seller answers: the marketplace stops
    /// telling, and any further use is the seller's loss.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew).
    pub async fn freeze(&self, instance_id: &str) -> Result<Subscription, LifeError> {
        let (frozen, attempt) = self.end_use(instance_id).await?;
        understood(attempt).map(|_| frozen)
    }

    async fn end_use(&self, instance_id: &str) -> Result<(Subscription, Attempt), LifeError> {
        let sold = self.living(instance_id)?;
        let since = self.now();
        let frozen = self.change(instance_id, |sold| sold.state = SubscriptionState::Frozen { since })?;
        let callback = Callback::expiry(sold.protocol, instance_id);
        Ok((frozen, self.told(sold.protocol, "freezing", callback).await?))
    }

    /// Unfreezes. V1.0 has no call for it: there a renewal says it.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew).
    pub async fn unfreeze(&self, instance_id: &str) -> Result<Subscription, LifeError> {
        let sold = self.living(instance_id)?;
        if let Some(callback) = Callback::unfreezing(sold.protocol, instance_id) {
            self.tell(sold.protocol, "unfreezing", Some(callback)).await?;
        }
        self.change(instance_id, |sold| sold.state = SubscriptionState::Active)
    }

    /// Releases, once and for all and whatever the seller answers.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew).
    pub async fn release(&self, instance_id: &str) -> Result<Subscription, LifeError> {
        let (released, attempt) = self.end_life(instance_id).await?;
        understood(attempt).map(|_| released)
    }

    async fn end_life(&self, instance_id: &str) -> Result<(Subscription, Attempt), LifeError> {
        let sold = self.living(instance_id)?;
        let released = self.change(instance_id, |sold| sold.state = SubscriptionState::Released)?;
        if let Some(instance) = self.inner.desk.instance(instance_id) {
            self.inner.desk.put_instance(instance.closed(self.inner.desk.now()));
        }
        if let Some(mut code) = self.inner.desk.license(instance_id) {
            code.is_released = true;
            self.inner.desk.put_license(code);
        }
        let callback = Callback::release(sold.protocol, instance_id, &sold.order.order_id);
        Ok((released, self.told(sold.protocol, "release", callback).await?))
    }

    /// Asks for access data and usage.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew); only SaaS has queries.
    pub async fn query(&self, instance_id: &str) -> Result<Verdict, LifeError> {
        let sold = self.living(instance_id)?;
        self.tell(sold.protocol, "query", Callback::query(sold.protocol, &[instance_id])).await
    }

    /// Applies for the License of an online License's instance. The desk takes it under the id that is given back.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew); only the online License has applications.
    pub async fn apply_for_license(&self, instance_id: &str) -> Result<String, LifeError> {
        let sold = self.living(instance_id)?;
        let event_id = self.inner.random.hex(32);
        self.inner.desk.open_event(event_id.as_str());
        let application = Callback::license_application(instance_id, &event_id, self.now(), sold.expire_time);
        let callback = (sold.protocol == Protocol::LicenseOnline).then_some(application);
        self.tell(sold.protocol, "application for a License", callback).await.map(|_| event_id)
    }

    /// Binds an enterprise to the application, call after call.
    ///
    /// # Errors
    ///
    /// The seller refuses a call, after which the rest is not made; or the family is not the Kit's.
    pub async fn bind(&self, protocol: Protocol, binding: &Binding) -> Result<(), LifeError> {
        self.tell_all(protocol, binding.bind(protocol)).await
    }

    /// Undoes [`bind`](Self::bind).
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub async fn unbind(&self, protocol: Protocol, binding: &Binding) -> Result<(), LifeError> {
        self.tell_all(protocol, binding.unbind(protocol)).await
    }

    async fn tell_all(&self, protocol: Protocol, callbacks: Vec<Callback>) -> Result<(), LifeError> {
        if callbacks.is_empty() {
            return Err(LifeError::NotOffered { protocol, what: "enterprises" });
        }
        for callback in callbacks {
            self.tell(protocol, "enterprises", Some(callback)).await?;
        }
        Ok(())
    }

    /// Does what is due: freezes what has expired, releases what has been frozen for 15 days. Gives the last attempt of
    /// every call; what the seller refuses is not tried again.
    pub async fn run_due(&self) -> Vec<Attempt> {
        let mut made = Vec::new();
        while let Some((instance_id, due)) = self.next_due(self.now()) {
            let ended = match due {
                Due::Expiry => self.end_use(&instance_id).await,
                Due::Release => self.end_life(&instance_id).await,
            };
            // The life goes on, whatever the seller answers.
            made.extend(ended.map(|(_, attempt)| attempt));
        }
        made
    }

    /// Waits until then, and does everything when it is due.
    pub async fn run_until(&self, end: Timestamp) -> Vec<Attempt> {
        let mut made = Vec::new();
        loop {
            made.extend(self.run_due().await);
            let now = self.now();
            if now >= end {
                return made;
            }
            let next = self.state().subscriptions.values().filter_map(Subscription::due).map(|(time, _)| time).min();
            let next = next.map_or(end, |next| next.min(end));
            self.inner.time.wait(next.abs_diff(now)).await;
        }
    }

    fn next_due(&self, now: Timestamp) -> Option<(String, Due)> {
        let state = self.state();
        let due = state.subscriptions.values().filter_map(|sold| Some((sold.due()?, &sold.instance_id)));
        let ((time, due), id) = due.min_by_key(|((time, _), _)| *time)?;
        (time <= now).then(|| (id.clone(), due))
    }

    fn living(&self, instance_id: &str) -> Result<Subscription, LifeError> {
        let sold = self.subscription(instance_id).ok_or_else(|| LifeError::Unknown(instance_id.to_owned()))?;
        match sold.state {
            SubscriptionState::Released => Err(LifeError::Released(instance_id.to_owned())),
            _ => Ok(sold),
        }
    }

    fn change(&self, instance_id: &str, change: impl FnOnce(&mut Subscription)) -> Result<Subscription, LifeError> {
        let mut state = self.state();
        let sold = state.subscriptions.get_mut(instance_id);
        let sold = sold.ok_or_else(|| LifeError::Unknown(instance_id.to_owned()))?;
        change(sold);
        Ok(sold.clone())
    }

    /// Tells until the seller has understood.
    async fn tell(
        &self,
        protocol: Protocol,
        what: &'static str,
        callback: Option<Callback>,
    ) -> Result<Verdict, LifeError> {
        understood(self.told(protocol, what, callback).await?)
    }

    /// The last attempt to tell.
    async fn told(
        &self,
        protocol: Protocol,
        what: &'static str,
        callback: Option<Callback>,
    ) -> Result<Attempt, LifeError> {
        let callback = callback.ok_or(LifeError::NotOffered { protocol, what })?;
        Ok(self.repeat(&callback, callback.schedule()).await?)
    }
}

fn understood(attempt: Attempt) -> Result<Verdict, LifeError> {
    let Attempt { activity, verdict, .. } = attempt;
    match verdict.is_final() {
        true => Ok(verdict),
        false => Err(LifeError::GivenUp { activity, verdict }),
    }
}
