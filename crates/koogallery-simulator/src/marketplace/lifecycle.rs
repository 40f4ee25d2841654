//! The lifecycle of subscriptions.

use std::time::Duration;

use super::subscription::{Subscription, SubscriptionState};
use super::{Attempt, Marketplace};
use crate::delivery::{Callback, DeliveryError, DeliveryOutcome, MessageBuilder, Schedule, TenantBinding};
use crate::open_api_server::end_of_period;
use crate::{LineSpec, OrderSpec, PlacedOrder};
use koogallery::activity::Activity;
use koogallery::amount::Amount;
use koogallery::open_api::query_order::{OrderType, PeriodType};
use koogallery::protocol::Protocol;
use koogallery::saas::v1::instance_status::InstanceStatus;
use koogallery::timestamp::Timestamp;
use koogallery::wire::RenewalScene;

/// The documents do not say for how long a new instance is queried; this is as long as a purchase is retried.
const UNTIL_OPEN: Schedule = Schedule::every(Duration::from_secs(120), 90);

/// Maximum number of packages in one order.
const MAX_PACKAGES: usize = 30;

/// Reason why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// No subscription has this id.
    #[error("no subscription has the id {0:?}")]
    Unknown(String),
    /// The subscription has been released.
    #[error("{0} has been released")]
    Released(String),
    /// The protocol has no such call, or the order no such line.
    #[error("{} has no {what}", protocol.id())]
    NotOffered {
        /// The protocol.
        protocol: Protocol,
        /// The operation.
        what: &'static str,
    },
    /// The call cannot be signed.
    #[error(transparent)]
    Call(#[from] DeliveryError),
    /// The seller did not confirm the call in any attempt.
    #[error("{activity} was given up: {outcome}")]
    GivenUp {
        /// The call.
        activity: Activity,
        /// The outcome of the last attempt.
        outcome: DeliveryOutcome,
    },
    /// The seller accepted a purchase without returning an instance id.
    #[error("the answer to the purchase has no instanceId")]
    NoInstanceId,
    /// The seller returned the instance id of another order line.
    #[error("the answer to the purchase of {line} has the instanceId {instance_id:?} of {other}")]
    SameInstance {
        /// The instance id.
        instance_id: String,
        /// The order line that was bought, such as `CS2501020304ABCDE-000002`.
        line: String,
        /// The order line that has the instance.
        other: String,
    },
    /// The order has more packages than the marketplace sells in one.
    #[error("the order has {0} packages, and 30 are sold in one order at most")]
    TooManyPackages(usize),
}

impl Marketplace {
    /// Sells a line of an order, counted from 0: calls the seller, then queries the instance until its access data are
    /// available. An authorization code is sold without a call, because the protocol has none; its id is the code.
    ///
    /// # Errors
    ///
    /// The seller refuses every attempt, and the order is refunded; or the order has no such line.
    pub async fn buy(
        &self,
        protocol: Protocol,
        order: &PlacedOrder,
        line: usize,
    ) -> Result<Subscription, LifecycleError> {
        if protocol == Protocol::LicenseCode {
            return self.sell_code(order, line);
        }
        let packages = order.spec.lines.iter().filter(|line| line.is_package()).count();
        if packages > MAX_PACKAGES {
            return Err(LifecycleError::TooManyPackages(packages));
        }
        let purchase = Callback::purchase(protocol, order, line);
        let outcome = self.confirm(protocol, "purchase of this line", purchase).await?;
        let instance_id = outcome.instance_id().ok_or(LifecycleError::NoInstanceId)?.to_owned();
        let state = match outcome {
            DeliveryOutcome::Processing { .. } => SubscriptionState::Opening,
            _ => SubscriptionState::Active,
        };
        if let Some(known) = self.subscription(&instance_id) {
            if (&known.order.order_id, known.line) != (&order.order_id, line) {
                let (line, other) = (order.order_line_id(line), known.order.order_line_id(known.line));
                return Err(LifecycleError::SameInstance { instance_id, line, other });
            }
        } else {
            self.inner.open_api.open_instance(order, line, &instance_id);
        }
        let sold = self.enter(protocol, order, line, instance_id, state);
        self.await_opening(&sold).await
    }

    /// Sells all lines of an order, one after the other: up to 30 packages (套餐包) in one order, each of which is an
    /// instance.
    ///
    /// V2.0 names the order line in each call. V1.0 has none: its calls differ by order and product, so the lines
    /// need different products. How several packages of one product arrive in V1.0 is not documented; here the calls
    /// differ in `businessId` alone, and a seller who keeps to the documents takes the second for a retry, which is
    /// [an error](LifecycleError::SameInstance).
    ///
    /// # Errors
    ///
    /// As for [`buy`](Self::buy); the lines before the failed one are sold.
    pub async fn buy_all(&self, protocol: Protocol, order: &PlacedOrder) -> Result<Vec<Subscription>, LifecycleError> {
        let mut sold = Vec::new();
        for line in 0..order.spec.lines.len() {
            sold.push(self.buy(protocol, order, line).await?);
        }
        Ok(sold)
    }

    fn sell_code(&self, order: &PlacedOrder, line: usize) -> Result<Subscription, LifecycleError> {
        let missing = LifecycleError::NotOffered { protocol: Protocol::LicenseCode, what: "purchase of this line" };
        let products = &order.spec.lines.get(line).ok_or_else(|| missing.clone())?.products;
        let product = products.first().ok_or(missing)?;
        let mut code = self.inner.open_api.new_license();
        code.product_id.clone_from(&product.product_id);
        code.order_id.clone_from(&order.order_id);
        (code.amount, code.expire_time) = (product.linear_value, order.expire_time(line));
        self.inner.open_api.put_license(code.clone());
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
        // A repeated sale returns the same subscription.
        self.state().subscriptions.entry(sold.instance_id.clone()).or_insert(sold).clone()
    }

    /// Queries until the seller returns the instance, as SaaS requires.
    async fn await_opening(&self, sold: &Subscription) -> Result<Subscription, LifecycleError> {
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

    /// Renews for this many periods, which begin at the end of the current one. A frozen subscription is unfrozen. A
    /// package gets its quota once more; whether that is so is not documented.
    ///
    /// # Errors
    ///
    /// The seller refuses every attempt; there is no such active subscription; or the protocol has no renewals.
    pub async fn renew(
        &self,
        instance_id: &str,
        unit: PeriodType,
        periods: u32,
    ) -> Result<Subscription, LifecycleError> {
        self.extend(instance_id, RenewalScene::Renewal, OrderType::Renew, unit, periods).await
    }

    /// Converts a trial into a subscription for this many periods, beginning now.
    ///
    /// # Errors
    ///
    /// As for [`renew`](Self::renew).
    pub async fn convert_trial(
        &self,
        instance_id: &str,
        unit: PeriodType,
        periods: u32,
    ) -> Result<Subscription, LifecycleError> {
        self.extend(instance_id, RenewalScene::TrialToFormal, OrderType::TrialToFormal, unit, periods).await
    }

    async fn extend(
        &self,
        instance_id: &str,
        scene: RenewalScene,
        order_type: OrderType,
        unit: PeriodType,
        periods: u32,
    ) -> Result<Subscription, LifecycleError> {
        let sold = self.living(instance_id)?;
        let from = match scene {
            RenewalScene::TrialToFormal => None,
            _ => sold.expire_time,
        };
        let until = end_of_period(from.unwrap_or_else(|| self.now()), &unit, periods);
        let until = until.ok_or(LifecycleError::NotOffered { protocol: sold.protocol, what: "such period" })?;
        let line = LineSpec::period(sold.product_id(), unit, periods);
        let order = self.place_order(OrderSpec::new(line).with_order_type(order_type));
        self.refresh(&sold, scene, &order, until).await?;
        self.change(instance_id, |sold| {
            sold.earlier_expiries.push(sold.expire_time);
            sold.expire_time = Some(until);
        })?;
        self.inner.open_api.change_instance(instance_id, |instance| {
            let bought = sold.line_spec().map(|line| &*line.quotas).unwrap_or_default();
            for (quota, bought) in instance.quotas.iter_mut().zip(bought) {
                quota.amount = sum(quota.amount, bought.amount);
            }
        });
        match sold.state {
            SubscriptionState::Frozen { .. } => self.unfreeze(instance_id).await,
            _ => self.living(instance_id),
        }
    }

    /// Cancels the last renewal: the previous expiry is restored.
    ///
    /// # Errors
    ///
    /// As for [`renew`](Self::renew); or there was no renewal.
    pub async fn cancel_renewal(&self, instance_id: &str) -> Result<Subscription, LifecycleError> {
        let sold = self.living(instance_id)?;
        let missing = LifecycleError::NotOffered { protocol: sold.protocol, what: "renewal to be cancelled" };
        let until = sold.earlier_expiries.last().copied().flatten().ok_or(missing)?;
        let line = LineSpec::one_time(sold.product_id());
        let order = self.place_order(OrderSpec::new(line).with_order_type(OrderType::Unsubscribe));
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
    ) -> Result<(), LifecycleError> {
        let callback = Callback::refresh(sold.protocol, scene, &sold.instance_id, order, until);
        self.confirm(sold.protocol, "renewal", callback).await.map(drop)
    }

    /// Upgrades or expands; the expiry stays.
    ///
    /// # Errors
    ///
    /// As for [`renew`](Self::renew); only SaaS has upgrades.
    pub async fn upgrade(&self, instance_id: &str, line: LineSpec) -> Result<Subscription, LifecycleError> {
        let sold = self.living(instance_id)?;
        let order = self.place_order(OrderSpec::new(line).with_order_type(OrderType::Change));
        let callback = Callback::upgrade(sold.protocol, instance_id, &order);
        self.confirm(sold.protocol, "upgrade", callback).await?;
        self.living(instance_id)
    }

    /// Freezes, because of expiry or a violation. The subscription is frozen whatever the seller answers: retries end,
    /// and any further use is at the seller's expense. V1.0 freezes pay-per-use instances and packages by
    /// `instanceStatus`, and others by `expireInstance`.
    ///
    /// # Errors
    ///
    /// As for [`renew`](Self::renew).
    pub async fn freeze(&self, instance_id: &str) -> Result<Subscription, LifecycleError> {
        let (frozen, attempt) = self.end_use(instance_id, self.now()).await?;
        understood(attempt).map(|_| frozen)
    }

    pub(super) async fn end_use(
        &self,
        instance_id: &str,
        since: Timestamp,
    ) -> Result<(Subscription, Attempt), LifecycleError> {
        let frozen = self.set_frozen(instance_id, since)?;
        let callback = match frozen.has_status_calls() {
            true => self.status_call(instance_id, InstanceStatus::Freeze),
            false => Callback::expiry(frozen.protocol, instance_id),
        };
        let attempt = self.attempt_repeatedly(frozen.protocol, "freezing", callback).await?;
        Ok((frozen, attempt))
    }

    pub(super) fn set_frozen(&self, instance_id: &str, since: Timestamp) -> Result<Subscription, LifecycleError> {
        self.living(instance_id)?;
        let at = self.inner.open_api.now();
        self.inner.open_api.change_instance(instance_id, |instance| instance.frozen_at = Some(at));
        self.change(instance_id, |sold| sold.state = SubscriptionState::Frozen { since })
    }

    /// The call of V1.0 about the state of a pay-per-use instance or package.
    fn status_call(&self, instance_id: &str, status: InstanceStatus) -> Option<Callback> {
        let (activity, random) = (Activity::InstanceStatus, &self.inner.random);
        let mut message = MessageBuilder::new(Protocol::SaasV1, activity, random, self.now())?;
        message.set("instanceId", instance_id);
        message.set("instanceStatus", status.as_str());
        Some(message.into())
    }

    /// Unfreezes. V1.0 has a call for pay-per-use instances and packages only; elsewhere a renewal unfreezes there.
    ///
    /// # Errors
    ///
    /// As for [`renew`](Self::renew).
    pub async fn unfreeze(&self, instance_id: &str) -> Result<Subscription, LifecycleError> {
        let sold = self.living(instance_id)?;
        let callback = match sold.has_status_calls() {
            true => self.status_call(instance_id, InstanceStatus::Normal),
            false => Callback::unfreezing(sold.protocol, instance_id),
        };
        if let Some(callback) = callback {
            self.confirm(sold.protocol, "unfreezing", Some(callback)).await?;
        }
        self.inner.open_api.change_instance(instance_id, |instance| instance.frozen_at = None);
        self.change(instance_id, |sold| sold.state = SubscriptionState::Active)
    }

    /// Releases permanently, whatever the seller answers.
    ///
    /// # Errors
    ///
    /// As for [`renew`](Self::renew).
    pub async fn release(&self, instance_id: &str) -> Result<Subscription, LifecycleError> {
        let (released, attempt) = self.end_life(instance_id).await?;
        understood(attempt).map(|_| released)
    }

    pub(super) async fn end_life(&self, instance_id: &str) -> Result<(Subscription, Attempt), LifecycleError> {
        let sold = self.living(instance_id)?;
        let released = self.change(instance_id, |sold| sold.state = SubscriptionState::Released)?;
        let at = self.inner.open_api.now();
        self.inner.open_api.change_instance(instance_id, |instance| instance.close(at));
        if let Some(mut code) = self.inner.open_api.license(instance_id) {
            code.is_released = true;
            self.inner.open_api.put_license(code);
        }
        let callback = Callback::release(sold.protocol, instance_id, &sold.order.order_id);
        Ok((released, self.attempt_repeatedly(sold.protocol, "release", callback).await?))
    }

    /// Queries access data and usage.
    ///
    /// # Errors
    ///
    /// As for [`renew`](Self::renew); only SaaS has queries.
    pub async fn query(&self, instance_id: &str) -> Result<DeliveryOutcome, LifecycleError> {
        let sold = self.living(instance_id)?;
        self.confirm(sold.protocol, "query", Callback::query(sold.protocol, &[instance_id])).await
    }

    /// Applies for the License of an online License's instance, and returns the application's id (`eventId`), under
    /// which the open-API server accepts the upload.
    ///
    /// # Errors
    ///
    /// As for [`renew`](Self::renew); only the online License has applications.
    pub async fn apply_for_license(&self, instance_id: &str) -> Result<String, LifecycleError> {
        let sold = self.living(instance_id)?;
        let event_id = self.inner.random.hex(32);
        self.inner.open_api.open_license_application(event_id.as_str());
        let application = Callback::license_application(instance_id, &event_id, self.now(), sold.expire_time);
        let callback = (sold.protocol == Protocol::LicenseOnline).then_some(application);
        self.confirm(sold.protocol, "application for a License", callback).await.map(|_| event_id)
    }

    /// Binds an enterprise to the application, call by call.
    ///
    /// # Errors
    ///
    /// The seller refuses a call, after which the rest is not made; or the protocol is not the Kit's.
    pub async fn bind(&self, protocol: Protocol, binding: &TenantBinding) -> Result<(), LifecycleError> {
        self.confirm_all(protocol, binding.bind(protocol)).await
    }

    /// Undoes [`bind`](Self::bind).
    ///
    /// # Errors
    ///
    /// As for [`bind`](Self::bind).
    pub async fn unbind(&self, protocol: Protocol, binding: &TenantBinding) -> Result<(), LifecycleError> {
        self.confirm_all(protocol, binding.unbind(protocol)).await
    }

    async fn confirm_all(&self, protocol: Protocol, callbacks: Vec<Callback>) -> Result<(), LifecycleError> {
        if callbacks.is_empty() {
            return Err(LifecycleError::NotOffered { protocol, what: "enterprises" });
        }
        for callback in callbacks {
            self.confirm(protocol, "enterprises", Some(callback)).await?;
        }
        Ok(())
    }

    fn living(&self, instance_id: &str) -> Result<Subscription, LifecycleError> {
        let sold = self.subscription(instance_id).ok_or_else(|| LifecycleError::Unknown(instance_id.to_owned()))?;
        match sold.state {
            SubscriptionState::Released => Err(LifecycleError::Released(instance_id.to_owned())),
            _ => Ok(sold),
        }
    }

    fn change(
        &self,
        instance_id: &str,
        change: impl FnOnce(&mut Subscription),
    ) -> Result<Subscription, LifecycleError> {
        let mut state = self.state();
        let sold = state.subscriptions.get_mut(instance_id);
        let sold = sold.ok_or_else(|| LifecycleError::Unknown(instance_id.to_owned()))?;
        change(sold);
        Ok(sold.clone())
    }

    /// Calls with retries until the seller confirms.
    async fn confirm(
        &self,
        protocol: Protocol,
        what: &'static str,
        callback: Option<Callback>,
    ) -> Result<DeliveryOutcome, LifecycleError> {
        understood(self.attempt_repeatedly(protocol, what, callback).await?)
    }

    /// Calls with retries, and returns the last attempt.
    async fn attempt_repeatedly(
        &self,
        protocol: Protocol,
        what: &'static str,
        callback: Option<Callback>,
    ) -> Result<Attempt, LifecycleError> {
        let callback = callback.ok_or(LifecycleError::NotOffered { protocol, what })?;
        Ok(self.repeat(&callback, callback.schedule()).await?)
    }
}

fn sum(one: Amount, other: Amount) -> Amount {
    let units = |amount: Amount| amount.ten_thousandths().and_then(|units| i64::try_from(units).ok());
    units(one).zip(units(other)).map_or(one, |(one, other)| Amount::from_ten_thousandths(one.saturating_add(other)))
}

fn understood(attempt: Attempt) -> Result<DeliveryOutcome, LifecycleError> {
    let Attempt { activity, outcome, .. } = attempt;
    match outcome.is_final() {
        true => Ok(outcome),
        false => Err(LifecycleError::GivenUp { activity, outcome }),
    }
}
